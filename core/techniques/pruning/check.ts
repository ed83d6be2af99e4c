import { type FailureError, failed } from '../../errors.js';
import type { Layer } from './layer.js';
import type { Matrix } from './matrix.js';
import { methodOf, type PruningMethod } from './methods/index.js';
import { type Pattern, patternName, wrongPattern } from './pattern.js';
import type { ChannelStatistics } from './statistics.js';

/**
 * The door of pruning: everything behind it may rely on finite numbers, lengths that fit and settings that
 * work.
 * @throws FailureError as `pruneLayer` says.
 */
export function checkLayer(layer: Layer, method: PruningMethod, pattern: Pattern): void {
  checkNumbers(layer);
  const unfit = wrongHessian(layer, method);
  if (unfit !== null) throw unsupported(layer, unfit);
  const misfit =
    wrongPattern(pattern, layer.weights.columns) ??
    missingCalibration(layer, method) ??
    methodOf(method).problem(method, pattern);
  if (misfit !== null) {
    throw failed(
      'impossible-combination',
      `${layer.name}: ${misfit}`,
      `change it, or leave this layer out of pruning to ${patternName(pattern)}`,
    );
  }
}

/** @throws FailureError `model-unsupported` for weights or statistics that are not finite or do not fit. */
export function checkNumbers(layer: Layer): void {
  const { weights, statistics } = layer;
  const problem =
    wrongWeights(weights) ?? (statistics === null ? null : wrongStatistics(statistics, weights.columns));
  if (problem !== null) throw unsupported(layer, problem);
}

function unsupported({ name }: Layer, problem: string): FailureError {
  return failed(
    'model-unsupported',
    `${name}: ${problem}`,
    'check the model file, and calibrate with this model in a type wide enough for its activations',
  );
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
  return methodOf(method).needs(method).includes('hessian');
}

function wrongHessian({ hessian, weights }: Layer, method: PruningMethod): string | null {
  if (!needsHessian(method) || hessian === null) return null;
  return hessian.columns === weights.columns && hessian.values.length === hessian.columns ** 2
    ? null
    : `a Hessian of ${hessian.columns} channels does not fit ${weights.columns} columns`;
}

function missingCalibration(layer: Layer, method: PruningMethod): string | null {
  const needs = methodOf(method).needs(method);
  const name = methodOf(method).nameOf(method);
  if (needs.length > 0 && layer.statistics?.tokens === 0)
    return `${name} needs activations, and no calibration token reached this layer`;
  const missing = needs.find((need) => layer[need] === null);
  if (missing === undefined) return null;
  return missing === 'hessian'
    ? `${name} needs the Hessian of calibration inputs`
    : `${name} needs the statistics of calibration inputs`;
}

function firstNotFinite(values: Float32Array): number {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]!)) return i;
  }
  return -1;
}
