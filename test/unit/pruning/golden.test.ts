import { describe, expect, test } from 'vitest';
import type { PrunedLayer } from '../../../core/techniques/pruning/layer.js';
import { outputError } from '../../../core/techniques/pruning/report.js';
import { LONG } from '../../support/cases.js';
import { StatisticsAccumulator } from '../../support/pruning/statistics.js';
import {
  digest,
  each,
  type GoldenCase,
  type GoldenLayer,
  manifest,
  prune,
  readLayer,
  readTensors,
} from './golden.js';

/** Mask, report and weights are those of the published code. */
function expectPublished(golden: GoldenCase, layer: GoldenLayer, result: PrunedLayer): void {
  const { report, exchange } = result;
  if (golden.initial_mask_sha256 !== undefined) {
    expect(digest(exchange!.initialMask)).toBe(golden.initial_mask_sha256);
  }
  expect(report.pruned).toBe(golden.mask!.pruned_count);
  expect(digest(result.mask)).toBe(golden.mask!.sha256);
  if (golden.changed_weights !== undefined) expect(report.changedWeights).toBe(golden.changed_weights);
  if (golden.info !== undefined) {
    expect(exchange).toMatchObject({ cycles: golden.info.cycles, steps: golden.info.accepted_updates });
  }
  if (golden.before?.mean_abs_row_error !== undefined) {
    expect(report.meanAbsoluteErrorBefore).toBeCloseTo(golden.before.mean_abs_row_error, 4);
  }
  if (golden.after?.mean_abs_row_error !== undefined) {
    expect(report.meanAbsoluteErrorAfter).toBeCloseTo(golden.after.mean_abs_row_error, 4);
  }
  const output = outputError(layer.layer.weights, result.weights, layer.inputs)!;
  expect(output.meanSquare).toBeCloseTo(golden.after!.out_mse!, 5);
  expect(output.relative).toBeCloseTo(golden.after!.out_rel_fro!, 5);
  if (golden.after?.out_mean_abs_bias !== undefined) {
    expect(output.meanAbsoluteBias).toBeCloseTo(golden.after.out_mean_abs_bias, 5);
  }
  if (golden.weights_after === undefined) return;
  const expected = readTensors(golden.weights_after.file).get(golden.weights_after.tensor)!;
  const worst = expected.reduce((most, w, i) => Math.max(most, Math.abs(w - result.weights.values[i]!)), 0);
  expect(worst).toBeLessThan(1e-5);
}

/**
 * All of layers of few columns; of wide ones, which take most of the time, every third outside the long run.
 */
const FEW = 160;
const triedOf = ({ in_features, cases }: (typeof manifest.layers)[number]) =>
  cases.filter((_, i) => LONG || in_features <= FEW || i % 3 === 0);

for (const entry of manifest.layers) {
  describe(`published masks of ${entry.layer}`, () => {
    const layer = readLayer(entry);
    const { statistics } = layer.layer;

    test('are given, and where they are undefined or the published code fails, that is known', () => {
      each(triedOf(entry), (golden) => {
        const result = prune(golden, layer);
        if (golden.mask?.sha256 !== undefined) expectPublished(golden, layer, result);
        if (golden.regime === 'undefined') expect(result.exchange!.undefinedChoice).toBe(true);
        if (golden.regime === 'reference_raises') expect(result.exchange!.publishedCodeFails).toBe(true);
      });
    });

    test('statistics from its calibration inputs', () => {
      const accumulator = new StatisticsAccumulator(entry.in_features);
      for (const sequence of layer.sequences) accumulator.addSequence(sequence);
      const own = accumulator.statistics()!;
      const pairs = [
        [own.squaresPerSequence, statistics!.squaresPerSequence],
        [own.sumPerSequence, statistics!.sumPerSequence],
        [own.variance, statistics!.variance],
      ] as const;
      for (const [mine, published] of pairs) {
        for (let j = 0; j < published.length; j++) {
          expect(Math.abs(mine[j]! - published[j]!)).toBeLessThanOrEqual(1e-4 * Math.abs(published[j]!));
        }
      }
    });
  });
}
