import { FailureError, failure } from '../../errors.js';
import { wrongSettings } from './dsnot/settings.js';
import type { Layer, PruningMethod } from './layer.js';
import type { Matrix } from './matrix.js';
import { type Pattern, patternName, wrongPattern } from './pattern.js';
import { BLOCK_COLUMNS, DAMPING } from './sparsegpt.js';
import type { ChannelStatistics } from './statistics.js';

/**
 * The door of pruning: everything behind it may rely on finite numbers, lengths that fit and settings that work.
 * @throws FailureError as `pruneLayer` says.
 */
export function checkLayer(layer: Layer, method: PruningMethod, pattern: Pattern): void {
  const problem =
    wrongWeights(layer.weights) ??
    (layer.statistics === null ? null : wrongStatistics(layer.statistics, layer.weights.columns)) ??
    wrongHessian(layer, method);
  if (problem !== null) {
    throw new FailureError(
      failure('model-unsupported', `${layer.name}: ${problem}`, {
        hint: 'check the model file, and calibrate with this model in a type wide enough for its activations',
      }),
    );
  }
  const mistake =
    wrongPattern(pattern, layer.weights.columns) ??
    missingCalibration(layer, method) ??
    wrongMethod(method, pattern);
  if (mistake !== null) {
    throw new FailureError(
      failure('impossible-combination', `${layer.name}: ${mistake}`, {
        hint: `change it, or leave this layer out of pruning to ${patternName(pattern)}`,
      }),
    );
  }
}

function wrongWeights({ rows, columns, values }: Matrix): string | null {
  if (values.length !== rows * columns || values.length === 0) {
    return `${values.length} weights do not make ${rows} rows of ${columns}`;
  }
  const bad = firstNotFinite(values);
  return bad < 0
    ? null
    : `the weight in row ${Math.floor(bad / columns)}, column ${bad % columns} is ${values[bad]}`;
}

function wrongStatistics(statistics: ChannelStatistics, columns: number): string | null {
  const { squaresPerSequence, sumPerSequence, variance } = statistics;
  for (const channels of [squaresPerSequence, sumPerSequence, variance]) {
    if (channels.length !== columns)
      return `statistics of ${channels.length} channels do not fit ${columns} columns`;
    const bad = firstNotFinite(channels);
    if (bad >= 0) return `the activations of channel ${bad} are not finite`;
  }
  const negative = squaresPerSequence.findIndex((r, j) => r < 0 || variance[j]! < 0);
  return negative < 0 ? null : `the statistics of channel ${negative} are negative sums of squares`;
}

/** Whether the method inverts a Hessian. */
export function needsHessian(method: PruningMethod): boolean {
  return method.kind === 'sparsegpt' || (method.kind === 'dsnot' && method.initial === 'sparsegpt');
}

function wrongHessian({ hessian, weights }: Layer, method: PruningMethod): string | null {
  if (!needsHessian(method) || hessian === null) return null;
  return hessian.columns === weights.columns && hessian.values.length === hessian.columns ** 2
    ? null
    : `a Hessian of ${hessian.columns} channels does not fit ${weights.columns} columns`;
}

function missingCalibration(layer: Layer, method: PruningMethod): string | null {
  if (needsHessian(method) && layer.hessian === null)
    return 'SparseGPT needs the Hessian of calibration inputs';
  return (method.kind === 'wanda' || method.kind === 'dsnot') && layer.statistics === null
    ? `${method.kind} needs the statistics of calibration inputs`
    : null;
}

function wrongMethod(method: PruningMethod, pattern: Pattern): string | null {
  if (method.kind === 'magnitude' || method.kind === 'wanda') return null;
  const damping = method.damping ?? DAMPING;
  if (!(damping >= 0) || !Number.isFinite(damping)) return `damping ${damping} is not 0 or more`;
  if (method.kind === 'dsnot') return wrongSettings(method.settings);
  const block = method.blockColumns ?? BLOCK_COLUMNS;
  if (!Number.isInteger(block) || block < 1) return `blockColumns ${block} is not a count of columns`;
  return pattern.kind === 'grouped' && block % pattern.group !== 0
    ? `blocks of ${block} columns would cut groups of ${pattern.group}`
    : null;
}

function firstNotFinite(values: Float32Array): number {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]!)) return i;
  }
  return -1;
}
