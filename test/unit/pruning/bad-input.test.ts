import { describe, expect, test } from 'vitest';
import { FailureError } from '../../../core/errors.js';
import { DSNOT_DEFAULTS } from '../../../core/techniques/pruning/dsnot/settings.js';
import type { Layer, PruningMethod } from '../../../core/techniques/pruning/layer.js';
import type { Pattern } from '../../../core/techniques/pruning/pattern.js';
import { pruneByReference } from '../../support/pruning/engine.js';
import { StatisticsAccumulator } from '../../support/pruning/statistics.js';

const half: Pattern = { kind: 'unstructured', ratio: 0.5 };
const ROWS = 3;
const COLUMNS = 6;

function layer(change: (l: { weights: Float32Array; inputs: Float32Array }) => void = () => {}): Layer {
  const weights = Float32Array.from({ length: ROWS * COLUMNS }, (_, i) => ((i * 7) % 11) - 5 + 0.25);
  const inputs = Float32Array.from({ length: 8 * COLUMNS }, (_, i) => ((i * 5) % 7) - 2.5);
  change({ weights, inputs });
  const statistics = new StatisticsAccumulator(COLUMNS);
  statistics.addSequence(inputs);
  return {
    name: 'blk.0.attn_q',
    weights: { rows: ROWS, columns: COLUMNS, values: weights },
    statistics: statistics.statistics(),
    hessian: {
      columns: COLUMNS,
      values: Float64Array.from({ length: COLUMNS ** 2 }, (_, i) => (i % 7 === 0 ? 2 : 0)),
    },
  };
}

const dsnot: PruningMethod = { kind: 'dsnot', initial: 'wanda', settings: DSNOT_DEFAULTS };

function refusal(given: Layer, method: PruningMethod, pattern: Pattern) {
  try {
    pruneByReference(given, method, pattern);
  } catch (error) {
    if (error instanceof FailureError) return error.failure;
    throw error;
  }
  return null;
}

describe('pruning input that cannot be pruned', () => {
  test.each([
    [Number.NaN, 'the weight in row 1, column 2 is NaN'],
    [Number.POSITIVE_INFINITY, 'the weight in row 1, column 2 is Infinity'],
  ])('a weight of %s', (value, message) => {
    const given = layer(({ weights }) => {
      weights[COLUMNS + 2] = value;
    });
    expect(refusal(given, { kind: 'magnitude', scope: 'matrix' }, half)).toMatchObject({
      code: 'model-unsupported',
      message: `blk.0.attn_q: ${message}`,
    });
  });

  test.each<[string, PruningMethod]>([
    ['wanda', { kind: 'wanda' }],
    ['sparsegpt', { kind: 'sparsegpt' }],
    ['magnitude-row+swaps', { kind: 'swaps', first: { kind: 'magnitude', scope: 'row' }, maxSwaps: 10 }],
  ])('%s without a calibration token', (name, method) => {
    const given = layer();
    const unreached = { ...given, statistics: { ...given.statistics!, tokens: 0 } };
    expect(refusal(unreached, method, half)).toMatchObject({
      code: 'impossible-combination',
      message: `blk.0.attn_q: ${name} needs activations, and no calibration token reached this layer`,
    });
    expect(refusal(unreached, { kind: 'magnitude', scope: 'row' }, half)).toBeNull();
  });

  test('activations that are not finite', () => {
    const given = layer(({ inputs }) => {
      inputs[4] = Number.NaN;
    });
    expect(refusal(given, { kind: 'wanda' }, half)?.message).toContain(
      'the activations of channel 4 are not finite',
    );
  });

  test('groups on a width that does not divide', () => {
    const failure = refusal(layer(), { kind: 'wanda' }, { kind: 'grouped', pruned: 2, group: 4 });
    expect(failure).toMatchObject({
      code: 'impossible-combination',
      message: 'blk.0.attn_q: 2:4 needs a width that divides by 4, and this layer has 6 columns',
    });
  });

  test.each<[string, PruningMethod, Pattern]>([
    ['the ratio 1.5', { kind: 'wanda' }, { kind: 'unstructured', ratio: 1.5 }],
    ['the ratio NaN', { kind: 'wanda' }, { kind: 'unstructured', ratio: Number.NaN }],
    ['5:4 does not say', { kind: 'wanda' }, { kind: 'grouped', pruned: 5, group: 4 }],
    ['maxCycles 0.5', { ...dsnot, settings: { ...DSNOT_DEFAULTS, maxCycles: 0.5 } }, half],
    ['updateThreshold NaN', { ...dsnot, settings: { ...DSNOT_DEFAULTS, updateThreshold: Number.NaN } }, half],
    ['damping -1', { kind: 'sparsegpt', damping: -1 }, half],
    ['maxSwaps -1', { kind: 'swaps', first: { kind: 'wanda' }, maxSwaps: -1 }, half],
    ['damping -1', { kind: 'swaps', first: { kind: 'sparsegpt', damping: -1 }, maxSwaps: 10 }, half],
    ['would cut groups', { kind: 'sparsegpt', blockColumns: 4 }, { kind: 'grouped', pruned: 1, group: 3 }],
  ])('%s', (message, method, pattern) => {
    const failure = refusal(layer(), method, pattern);
    expect(failure?.code).toBe('impossible-combination');
    expect(failure?.message).toContain(message);
    expect(failure?.hint).not.toBeNull();
  });

  test.each<[string, PruningMethod]>([
    ['wanda needs the statistics', { kind: 'wanda' }],
    ['dsnot needs the statistics', dsnot],
    ['sparsegpt needs the Hessian', { kind: 'sparsegpt' }],
    ['wanda+swaps needs the statistics', { kind: 'swaps', first: { kind: 'wanda' }, maxSwaps: 10 }],
    [
      'magnitude-row+swaps needs the Hessian',
      { kind: 'swaps', first: { kind: 'magnitude', scope: 'row' }, maxSwaps: 10 },
    ],
  ])('without calibration: %s', (message, method) => {
    const failure = refusal({ ...layer(), statistics: null, hessian: null }, method, half);
    expect(failure?.message).toContain(message);
  });

  test('statistics and a Hessian of another layer', () => {
    const other = { ...layer(), weights: { rows: 2, columns: 8, values: new Float32Array(16) } };
    expect(refusal(other, { kind: 'wanda' }, half)?.message).toContain('6 channels do not fit 8 columns');
    expect(refusal({ ...other, statistics: null }, { kind: 'sparsegpt' }, half)?.message).toContain(
      'a Hessian of 6 channels does not fit 8 columns',
    );
  });

  test('a Hessian that cannot be inverted', () => {
    const values = new Float64Array(COLUMNS ** 2).fill(-1);
    const given = { ...layer(), hessian: { columns: COLUMNS, values } };
    expect(refusal(given, { kind: 'sparsegpt' }, half)?.code).toBe('artifact-failed');
  });

  test('no tokens give no statistics', () => {
    const accumulator = new StatisticsAccumulator(4);
    accumulator.endSequence();
    expect(accumulator.statistics()).toBeNull();
  });
});

describe('pruning input at the edge', () => {
  const methods: PruningMethod[] = [
    { kind: 'magnitude', scope: 'matrix' },
    { kind: 'magnitude', scope: 'row' },
    { kind: 'wanda' },
    { kind: 'sparsegpt' },
    dsnot,
    { ...dsnot, settings: { ...DSNOT_DEFAULTS, mode: 'reference', updateThreshold: 0 } },
  ];

  test.each(methods)('ratio 0 prunes nothing, ratio 1 everything: $kind', (method) => {
    const given = layer();
    const none = pruneByReference(given, method, { kind: 'unstructured', ratio: 0 });
    expect(none.report).toMatchObject({ pruned: 0, meanAbsoluteErrorAfter: 0 });
    expect(none.weights.values).toEqual(given.weights.values);
    const all = pruneByReference(given, method, { kind: 'unstructured', ratio: 1 });
    expect(all.report).toMatchObject({ minRowSparsity: 1, maxRowSparsity: 1 });
    expect(all.weights.values.every((w) => w === 0)).toBe(true);
  });

  test('a dead channel is pruned first by Wanda, SparseGPT and their exchanges', () => {
    const given = layer(({ inputs }) => {
      for (let at = 1; at < inputs.length; at += COLUMNS) inputs[at] = 0;
    });
    const hessian = { columns: COLUMNS, values: given.hessian!.values.slice() };
    hessian.values[COLUMNS + 1] = 0;
    const dead: Layer = { ...given, hessian };
    for (const method of [{ kind: 'wanda' } as const, { kind: 'sparsegpt' } as const, dsnot]) {
      const { weights } = pruneByReference(dead, method, half);
      for (let row = 0; row < ROWS; row++) expect(weights.values[row * COLUMNS + 1]).toBe(0);
    }
  });
});
