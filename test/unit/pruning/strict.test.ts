import { describe, expect, test } from 'vitest';
import { prunedInRow } from '../../../core/techniques/pruning/mask.js';
import { prunedPerRow } from '../../../core/techniques/pruning/pattern.js';
import { maskErrors, outputError } from '../../../core/techniques/pruning/report.js';
import { pruneByReference } from '../../support/pruning/engine.js';
import { each, type GoldenCase, hessianOf, manifest, patternOf, readLayer, settingsOf } from './golden.js';
import { isKeptOnGroups } from './invariants.js';

for (const entry of manifest.layers) {
  describe(`strict exchange on ${entry.layer}`, () => {
    const golden = readLayer(entry);
    const { weights, statistics } = golden.layer;
    const hessian = hessianOf(golden);
    const cases = entry.cases.filter((c) => c.method === 'dsnot');

    const prune = (c: GoldenCase) =>
      pruneByReference(
        { ...golden.layer, hessian },
        { kind: 'dsnot', initial: c.params.initial_method!, settings: settingsOf(c, 'strict') },
        patternOf(c),
      );

    test('keeps the invariants', () =>
      each(cases, (c) => {
        const result = prune(c);
        const pattern = patternOf(c);
        for (let row = 0; row < weights.rows; row++) {
          expect(prunedInRow(result.mask, row)).toBe(prunedPerRow(pattern, weights.columns));
        }
        expect(isKeptOnGroups(result.mask, pattern)).toBe(true);
        const before = maskErrors(weights, result.exchange!.initialMask, statistics!);
        const after = maskErrors(weights, result.mask, statistics!);
        // Sums in single precision inside, in double precision here.
        after.forEach((e, row) => {
          expect(Math.abs(e)).toBeLessThanOrEqual(Math.abs(before[row]!) + 1e-4);
        });
        expect(result.report.updatedWeights).toBe(0);
        expect(result.report.changedWeights).toBe(2 * result.exchange!.steps);
        expect(result.exchange).toMatchObject({ publishedCodeFails: false, undefinedChoice: false });
      }));

    test('a smaller threshold does not undo what a larger one gained', () => {
      const find = (id: string) => cases.find((c) => c.id === `${entry.layer}/dsnot_wanda_0.6${id}`)!;
      const error = (c: GoldenCase) => outputError(weights, prune(c).weights, golden.inputs)!.meanSquare;
      expect(error(find('_thr0.01'))).toBeLessThan(1.03 * error(find('')));
    });
  });
}
