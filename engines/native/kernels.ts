import { FailureError, failure } from '../../core/errors.js';
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
import { openKernelLibrary } from './kernel-library.js';

/** The interface of kernels/pruning/pruning.h that this file was written for. */
export const PRUNING_INTERFACE = { part: 'pruning', version: 3 } as const;
const NOT_POSITIVE_DEFINITE = 2;
const UNKNOWN_SCORE = 3;

type Argument = number | string | ArrayBufferView | null;
type Native = (...args: Argument[]) => number;

const PATTERN_PARAMETERS = 'int32_t pruned, int32_t group';
const PROTOTYPES = {
  select: `int32_t ridge_select(const float *weights, int64_t rows, int32_t columns, const char *score, const float *norms, const double *diagonal, ${PATTERN_PARAMETERS}, int32_t threads, uint8_t *mask)`,
  dsnot: `int32_t ridge_dsnot(const float *weights, int64_t rows, int32_t columns, const float *norms, const float *sums, const float *divisor, const char *initial, const double *diagonal, ${PATTERN_PARAMETERS}, int32_t maxCycles, double threshold, int32_t strict, int32_t withoutSameSign, int32_t threads, uint8_t *initialMask, uint8_t *mask, int64_t *counts)`,
  factor:
    'int32_t ridge_inverse_factor(double *hessian, int32_t columns, double damping, int32_t threads, uint8_t *dead, int32_t *channel)',
  sparseGpt: `int32_t ridge_sparsegpt(float *weights, int64_t rows, int32_t columns, const double *factor, const uint8_t *dead, double ratio, ${PATTERN_PARAMETERS}, int32_t blockColumns, int32_t threads, uint8_t *mask)`,
  squaredOutput:
    'int32_t ridge_squared_output(const float *weights, const float *other, int64_t rows, int32_t columns, const double *hessian, int32_t threads, double *squares)',
} as const;

/**
 * Opens the pruning part of our own native library, in a child process.
 * @param threads how many threads each call may use.
 * @throws FailureError `engine-missing` when the library cannot be opened, `engine-mismatch` when it is another release's.
 */
export async function openPruningKernels(library: string, threads: number): Promise<PruningEngine> {
  const { handle } = await openKernelLibrary(library, PRUNING_INTERFACE);
  const open = (prototype: string): Native => handle.func(prototype) as Native;
  return new NativePruning(
    {
      select: open(PROTOTYPES.select),
      dsnot: open(PROTOTYPES.dsnot),
      factor: open(PROTOTYPES.factor),
      sparseGpt: open(PROTOTYPES.sparseGpt),
      squaredOutput: open(PROTOTYPES.squaredOutput),
    },
    threads,
  );
}

interface Functions {
  readonly select: Native;
  readonly dsnot: Native;
  readonly factor: Native;
  readonly sparseGpt: Native;
  readonly squaredOutput: Native;
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
  readonly #call: Functions;
  readonly #threads: number;

  constructor(functions: Functions, threads: number) {
    this.#call = functions;
    this.#threads = threads;
  }

  selectByRow(weights: Matrix, score: Score, pattern: Pattern): Mask {
    const { rows, columns, values } = weights;
    const mask = emptyMask(rows, columns);
    const { kind, norms, diagonal } = scoreArguments(score);
    const given = [values, rows, columns, kind, norms, diagonal, ...patternArguments(pattern, columns)];
    done(this.#call.select(...given, this.#threads, mask.bits), score);
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
      this.#call.dsnot(
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
    const code = this.#call.factor(values, columns, damping, this.#threads, dead, channel);
    if (code === NOT_POSITIVE_DEFINITE) throw notPositiveDefinite(channel[0]!);
    done(code);
    return { columns, values, dead };
  }

  sparseGpt(weights: Matrix, factor: InverseFactor, pattern: Pattern, blockColumns: number) {
    const { rows, columns } = weights;
    const updated = copyOf(weights);
    const mask = emptyMask(rows, columns);
    const ratio = pattern.kind === 'unstructured' ? pattern.ratio : 0;
    done(
      this.#call.sparseGpt(
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
    done(this.#call.squaredOutput(values, others, rows, columns, hessian.values, this.#threads, squares));
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
  if (code === UNKNOWN_SCORE && score !== undefined) throw unknownScore(score as never);
  throw new FailureError(
    failure('out-of-memory', 'the pruning kernels ran out of memory', { hint: 'use fewer threads' }),
  );
}
