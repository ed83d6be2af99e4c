import { failed } from '../../core/errors.js';
import { type Exchange, growDivisor } from '../../core/techniques/pruning/dsnot/exchange.js';
import type { DsnotSettings } from '../../core/techniques/pruning/dsnot/settings.js';
import type { PruningEngine } from '../../core/techniques/pruning/engine.js';
import {
  type Hessian,
  type InverseFactor,
  notPositiveDefinite,
} from '../../core/techniques/pruning/hessian.js';
import { emptyMask, type Mask } from '../../core/techniques/pruning/mask.js';
import { copyOf, type Matrix } from '../../core/techniques/pruning/matrix.js';
import { type Pattern, prunedPerRow } from '../../core/techniques/pruning/pattern.js';
import { type Score, unknownScore, wanda } from '../../core/techniques/pruning/scores.js';
import type { ChannelStatistics } from '../../core/techniques/pruning/statistics.js';
import { KERNEL_CONSTANTS, type KernelFunctions } from './gen/kernels.js';
import { openKernelLibrary } from './kernel-library.js';

/**
 * Opens the pruning part of our own native library, in a child process.
 * @param threads how many threads each call may use.
 * @throws FailureError `engine-missing` when the library cannot be opened, `engine-mismatch` when it is another release's.
 */
export async function openPruningKernels(library: string, threads: number): Promise<PruningEngine> {
  const { functions } = await openKernelLibrary(library, 'pruning');
  return new NativePruning(functions, threads);
}

/** What the library is told of a score: its kind, which has the same word there, and what it is computed from beside the weights. */
export function scoreArguments(score: Score): {
  readonly kind: Score['kind'];
  readonly norms: Float32Array | null;
  readonly diagonal: Float64Array | null;
} {
  switch (score.kind) {
    case 'magnitude':
      return { kind: score.kind, norms: null, diagonal: null };
    case 'wanda':
      return { kind: score.kind, norms: score.norms, diagonal: null };
    case 'sparsegpt':
      return { kind: score.kind, norms: null, diagonal: score.diagonal };
    default:
      throw unknownScore(score);
  }
}

class NativePruning implements PruningEngine {
  readonly #call: KernelFunctions['pruning'];
  readonly #threads: number;

  constructor(functions: KernelFunctions['pruning'], threads: number) {
    this.#call = functions;
    this.#threads = threads;
  }

  selectByRow(weights: Matrix, score: Score, pattern: Pattern): Mask {
    const { rows, columns, values } = weights;
    const mask = emptyMask(rows, columns);
    const { kind, norms, diagonal } = scoreArguments(score);
    const [pruned, group] = patternArguments(pattern, columns);
    const { ridge_select: select } = this.#call;
    done(
      select(values, rows, columns, kind, norms, diagonal, pruned, group, this.#threads, mask.bits),
      score,
    );
    return mask;
  }

  dsnot(
    weights: Matrix,
    statistics: ChannelStatistics,
    initial: Score,
    pattern: Pattern,
    settings: DsnotSettings,
  ): Exchange {
    const { rows, columns, values } = weights;
    const initialMask = emptyMask(rows, columns);
    const mask = emptyMask(rows, columns);
    const counts = new BigInt64Array(5);
    done(
      this.#call.ridge_dsnot(
        values,
        rows,
        columns,
        wanda(statistics).norms,
        statistics.sumPerSequence,
        growDivisor(statistics, settings),
        scoreArguments(initial).kind,
        scoreArguments(initial).diagonal,
        ...patternArguments(pattern, columns),
        settings.maxCycles,
        settings.updateThreshold,
        settings.mode === 'strict' ? 1 : 0,
        settings.withoutSameSign ? 1 : 0,
        this.#threads,
        initialMask.bits,
        mask.bits,
        counts,
      ),
      initial,
    );
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
  }

  inverseFactor(hessian: { columns: number; values: Float64Array }, damping: number): InverseFactor {
    const { columns } = hessian;
    const values = hessian.values.slice();
    const dead = new Uint8Array(columns);
    const channel = new Int32Array(1);
    const code = this.#call.ridge_inverse_factor(values, columns, damping, this.#threads, dead, channel);
    if (code === KERNEL_CONSTANTS.RIDGE_NOT_POSITIVE_DEFINITE) throw notPositiveDefinite(channel[0]!);
    done(code);
    return { columns, values, dead };
  }

  sparseGpt(weights: Matrix, factor: InverseFactor, pattern: Pattern, blockColumns: number) {
    const { rows, columns } = weights;
    const updated = copyOf(weights);
    const mask = emptyMask(rows, columns);
    const ratio = pattern.kind === 'unstructured' ? pattern.ratio : 0;
    done(
      this.#call.ridge_sparsegpt(
        updated.values,
        rows,
        columns,
        factor.values,
        factor.dead,
        ratio,
        ...patternArguments(pattern, columns),
        blockColumns,
        this.#threads,
        mask.bits,
      ),
    );
    return { mask, weights: updated };
  }

  squaredOutput(weights: Matrix, other: Matrix | null, hessian: Hessian): Float64Array {
    const { rows, columns, values } = weights;
    const squares = new Float64Array(rows);
    const others = other?.values ?? null;
    done(
      this.#call.ridge_squared_output(values, others, rows, columns, hessian.values, this.#threads, squares),
    );
    return squares;
  }
}

/** Pruned and group as the C interface has them: group 0 counts over the whole row. */
function patternArguments(pattern: Pattern, columns: number): [number, number] {
  return pattern.kind === 'grouped' ? [pattern.pruned, pattern.group] : [prunedPerRow(pattern, columns), 0];
}

/** @param score that it was called with; a library without it says so. @throws FailureError `out-of-memory`; Error for an unknown score. */
function done(code: number, score?: Score): void {
  if (code === 0) return;
  if (code === KERNEL_CONSTANTS.RIDGE_UNKNOWN_SCORE && score !== undefined)
    throw unknownScore(score as never);
  throw failed('out-of-memory', 'the pruning kernels ran out of memory', 'use fewer threads');
}
