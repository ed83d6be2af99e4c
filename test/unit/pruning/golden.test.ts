import { describe, expect, test } from 'vitest';
import { outputError } from '../../../core/techniques/pruning/report.js';
import { StatisticsAccumulator } from '../../support/pruning/statistics.js';
import { digest, manifest, prune, readLayer, readTensors } from './golden.js';

for (const entry of manifest.layers) {
  describe(`published masks of ${entry.layer}`, () => {
    const layer = readLayer(entry);
    const { weights, statistics } = layer.layer;
    const stored = entry.cases.filter((c) => c.mask?.sha256 !== undefined);

    test.each(stored.map((c) => [`${c.id} (${c.regime})`, c] as const))('%s', (_, golden) => {
      const result = prune(golden, layer);
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
      const output = outputError(weights, result.weights, layer.inputs)!;
      expect(output.meanSquare).toBeCloseTo(golden.after!.out_mse!, 5);
      expect(output.relative).toBeCloseTo(golden.after!.out_rel_fro!, 5);
      if (golden.after?.out_mean_abs_bias !== undefined) {
        expect(output.meanAbsoluteBias).toBeCloseTo(golden.after.out_mean_abs_bias, 5);
      }
      if (golden.weights_after !== undefined) {
        const expected = readTensors(golden.weights_after.file).get(golden.weights_after.tensor)!;
        const worst = expected.reduce(
          (most, w, i) => Math.max(most, Math.abs(w - result.weights.values[i]!)),
          0,
        );
        expect(worst).toBeLessThan(1e-5);
      }
    });

    const rest = entry.cases.filter((c) => c.regime === 'undefined' || c.regime === 'reference_raises');
    test.each(rest.map((c) => [`${c.id} (${c.regime})`, c] as const))('%s', (_, golden) => {
      const { exchange } = prune(golden, layer);
      if (golden.regime === 'undefined') expect(exchange!.undefinedChoice).toBe(true);
      else expect(exchange!.publishedCodeFails).toBe(true);
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
