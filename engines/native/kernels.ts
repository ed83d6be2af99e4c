import { failed } from '../../core/errors.js';
import { growDivisor } from '../../core/techniques/pruning/dsnot/exchange.js';
import type { PruningEngine } from '../../core/techniques/pruning/engine.js';
import { notPositiveDefinite } from '../../core/techniques/pruning/hessian.js';
import { emptyMask } from '../../core/techniques/pruning/mask.js';
import { copyOf } from '../../core/techniques/pruning/matrix.js';
import { type Pattern, prunedPerRow } from '../../core/techniques/pruning/pattern.js';
import { type Score, unknownScore, wanda } from '../../core/techniques/pruning/scores.js';
import { KERNEL_CONSTANTS, type KernelFunctions } from './gen/kernels.js';
import { openKernelLibrary } from './kernel-library.js';

/**
 * Opens the pruning part of our own native library, in a child process.
 * @param threads how many threads each call may use.
 * @throws FailureError `engine-missing` when the library cannot be opened, `engine-mismatch` when it is
 *   another release's.
 */
export async function openPruningKernels(library: string, threads: number): Promise<PruningEngine> {
  const { functions } = await openKernelLibrary(library, 'pruning');
  return nativePruning(functions, threads);
}

/**
 * What the library is told of a score: its kind, which has the same word there, and what it is computed from
 * beside the weights.
 */
export function scoreArguments(score: Score): {
  readonly kind: Score['kind'];
  readonly factors: Float32Array | null;
  readonly diagonal: Float64Array | null;
} {
  switch (score.kind) {
    case 'magnitude':
      return { kind: score.kind, factors: null, diagonal: null };
    case 'scaled':
      return { kind: score.kind, factors: score.factors, diagonal: null };
    case 'sparsegpt':
      return { kind: score.kind, factors: null, diagonal: score.diagonal };
    default:
      throw unknownScore(score);
  }
}

function nativePruning(native: KernelFunctions['pruning'], threads: number): PruningEngine {
  return {
    selectByRow({ rows, columns, values }, score, pattern) {
      const mask = emptyMask(rows, columns);
      const { kind, factors, diagonal } = scoreArguments(score);
      const of = [values, rows, columns, kind, factors, diagonal] as const;
      requireSuccess(
        native.ridge_select(...of, ...patternArguments(pattern, columns), threads, mask.bits),
        score,
      );
      return mask;
    },
    dsnot({ rows, columns, values }, statistics, initial, pattern, settings) {
      const isGiven = initial.kind === 'given';
      const initialMask = isGiven ? initial.mask : emptyMask(rows, columns);
      const mask = emptyMask(rows, columns);
      const counts = new BigInt64Array(5);
      // Of a given mask the score is Wanda's: by it weights are pruned within groups.
      const score = isGiven ? wanda(statistics) : initial;
      const { kind, factors, diagonal } = scoreArguments(score);
      const { sumPerSequence } = statistics;
      const divisor = growDivisor(statistics, settings);
      const { maxCycles, updateThreshold } = settings;
      const [strict, anySign] = [settings.mode === 'strict' ? 1 : 0, settings.withoutSameSign ? 1 : 0];
      const of = [values, rows, columns, wanda(statistics).factors, sumPerSequence, divisor] as const;
      const bounds = [maxCycles, updateThreshold, strict, anySign, threads] as const;
      const grouped = patternArguments(pattern, columns);
      const into = [initialMask.bits, mask.bits, counts] as const;
      const first = [kind, factors, diagonal, isGiven ? initial.lost : null] as const;
      requireSuccess(native.ridge_dsnot(...of, ...first, ...grouped, ...bounds, ...into), score);
      const [cycles, steps, rowsAboveThreshold, fails, undefinedChoice] = Array.from(counts, Number);
      return {
        initialMask,
        mask,
        cycles: cycles!,
        steps: steps!,
        rowsAboveThreshold: rowsAboveThreshold!,
        publishedCodeFails: fails === 1,
        undefinedChoice: undefinedChoice === 1,
      };
    },
    inverseFactor(hessian, damping) {
      const { columns } = hessian;
      const values = hessian.values.slice();
      const dead = new Uint8Array(columns);
      const channel = new Int32Array(1);
      const code = native.ridge_inverse_factor(values, columns, damping, threads, dead, channel);
      if (code === KERNEL_CONSTANTS.RIDGE_NOT_POSITIVE_DEFINITE) throw notPositiveDefinite(channel[0]!);
      requireSuccess(code);
      return { columns, values, dead };
    },
    sparseGpt(weights, { values, dead }, pattern, blockColumns) {
      const { rows, columns } = weights;
      const updated = copyOf(weights);
      const mask = emptyMask(rows, columns);
      const ratio = pattern.kind === 'unstructured' ? pattern.ratio : 0;
      const code = native.ridge_sparsegpt(
        ...([updated.values, rows, columns, values, dead, ratio] as const),
        ...patternArguments(pattern, columns),
        ...([blockColumns, threads, mask.bits] as const),
      );
      requireSuccess(code);
      return { mask, weights: updated };
    },
    swaps: swapsBy(native, threads),
    squaredOutput({ rows, columns, values }, other, hessian) {
      const squares = new Float64Array(rows);
      const others = other?.values ?? null;
      requireSuccess(
        native.ridge_squared_output(values, others, rows, columns, hessian.values, threads, squares),
      );
      return squares;
    },
  };
}

function swapsBy(native: KernelFunctions['pruning'], threads: number): PruningEngine['swaps'] {
  return (dense, values, initialMask, hessian, pattern, maxSwaps) => {
    const { rows, columns } = dense;
    const mask = { ...initialMask, bits: initialMask.bits.slice() };
    const [swaps, squaresBefore, squaresAfter] = [
      new Int32Array(rows),
      new Float64Array(rows),
      new Float64Array(rows),
    ];
    const group = pattern.kind === 'grouped' ? pattern.group : 0;
    const of = [dense.values, values.values, rows, columns, hessian.values] as const;
    const into = [mask.bits, swaps, squaresBefore, squaresAfter] as const;
    requireSuccess(native.ridge_swaps(...of, group, maxSwaps, threads, ...into));
    return { initialMask, mask, swaps, maxSwaps, squaresBefore, squaresAfter };
  };
}

/** Pruned and group as the C interface has them: group 0 counts over the whole row. */
function patternArguments(pattern: Pattern, columns: number): [number, number] {
  return pattern.kind === 'grouped' ? [pattern.pruned, pattern.group] : [prunedPerRow(pattern, columns), 0];
}

/**
 * @param score that it was called with; a library without it says so.
 * @throws FailureError `out-of-memory`; Error for an unknown score.
 */
function requireSuccess(code: number, score?: Score): void {
  if (code === 0) return;
  if (code === KERNEL_CONSTANTS.RIDGE_UNKNOWN_SCORE && score !== undefined)
    throw unknownScore(score as never);
  throw failed('out-of-memory', 'the pruning kernels ran out of memory', 'use fewer threads');
}
