import fc from 'fast-check';
import type { Layer, PruningMethod } from '../../../core/techniques/pruning/layer.js';
import { PRUNING_METHODS } from '../../../core/techniques/pruning/methods/index.js';
import type { Pattern } from '../../../core/techniques/pruning/pattern.js';
import { SCORE_NAMES } from '../../../core/techniques/pruning/scores.js';
import { HessianAccumulator } from '../../support/pruning/hessian.js';
import { StatisticsAccumulator } from '../../support/pruning/statistics.js';

export const float = fc.float({ noNaN: true, noDefaultInfinity: true, min: -100, max: 100 });
/** Few distinct values, so that ties, zeros and both zeros are common. */
export const tied = fc.constantFrom(-2, -1, -0, 0, 1, 2, 0.5);
export const values = (length: number) =>
  fc
    .oneof(
      fc.array(float, { minLength: length, maxLength: length }),
      fc.array(tied, { minLength: length, maxLength: length }),
    )
    .map((v) => Float32Array.from(v));

export const pattern: fc.Arbitrary<Pattern> = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }).map((ratio) => ({ kind: 'unstructured' as const, ratio })),
  fc.constantFrom(
    { kind: 'grouped' as const, pruned: 2, group: 4 },
    { kind: 'grouped' as const, pruned: 4, group: 8 },
    { kind: 'grouped' as const, pruned: 0, group: 4 },
    { kind: 'grouped' as const, pruned: 4, group: 4 },
  ),
);

export const COLUMNS = 16;
export const layer: fc.Arbitrary<Layer> = fc
  .integer({ min: 1, max: 6 })
  .chain((rows) =>
    fc.tuple(fc.constant(rows), values(rows * COLUMNS), values(5 * COLUMNS), values(3 * COLUMNS)),
  )
  .map(([rows, weights, first, second]) => {
    const statistics = new StatisticsAccumulator(COLUMNS);
    const hessian = new HessianAccumulator(COLUMNS);
    for (const sequence of [first, second]) {
      // Channel 3 is dead in every layer.
      for (let at = 3; at < sequence.length; at += COLUMNS) sequence[at] = 0;
      statistics.addSequence(sequence);
      hessian.addSequence(sequence);
    }
    return {
      name: 'layer',
      weights: { rows, columns: COLUMNS, values: weights },
      statistics: statistics.statistics(),
      hessian: hessian.hessian(),
    };
  });

const initial = fc.constantFrom(...SCORE_NAMES);
export const exchange = (mode: 'strict' | 'reference'): fc.Arbitrary<PruningMethod> =>
  fc
    .record({
      maxCycles: fc.integer({ min: 0, max: 60 }),
      updateThreshold: fc.constantFrom(0, 0.01, 0.1, 1),
      growVariancePower: fc.constantFrom(0, 0.5, 1, 2),
      withoutSameSign: fc.boolean(),
      initial,
    })
    .map(({ initial: from, ...settings }) => ({
      kind: 'dsnot',
      initial: from,
      settings: { mode, ...settings },
    }));

/**
 * Asked for separately: one has a threshold for a whole matrix, one moves the weights that stay, and the
 * settings of one are drawn.
 */
const NOT_AS_IT_IS: readonly string[] = ['magnitude', 'sparsegpt', 'dsnot'];
/**
 * Every other method, also the next one, at its fallbacks: each row has exactly its share of zeros, and
 * nothing else is changed.
 */
export const exact: fc.Arbitrary<PruningMethod> = fc.oneof(
  ...PRUNING_METHODS.filter(({ name: word }) => !NOT_AS_IT_IS.includes(word)).map(({ own, fromSettings }) => {
    const fallbacks = Object.entries(own).map(([name, { fallback }]) => [name, fallback] as const);
    return fc.constant(fromSettings(Object.fromEntries(fallbacks) as never));
  }),
  exchange('strict'),
);
