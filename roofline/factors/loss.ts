import type { FactorEvidence, ThreadFactors } from '../../core/result/factors.js';
import type { MachineModel } from '../machine-model.js';
import { type PredictionContext, predictOperator } from '../predict.js';
import type { OperatorSample } from './sample.js';
import type { Unknown } from './search.js';

/**
 * The result of a step of the fit: the factors including one more group of operators, and how well these are
 * known.
 */
export interface Fitted {
  readonly factors: ThreadFactors;
  readonly evidence: readonly FactorEvidence[];
}

/**
 * The efficiency of memory. It needs an upper limit, because if operators are slower than reading, nothing
 * else would keep it from growing.
 */
export const STREAMING: Unknown = { start: 0.5, least: 0.005, most: 1 };

/**
 * @returns how well the samples `used` determine a factor, given the fitted factors.
 * @param name `products q4_k compute 8`
 */
export function evidenceOf(
  name: string,
  value: number,
  used: readonly OperatorSample[],
  machineModel: MachineModel,
  factors: ThreadFactors,
): FactorEvidence {
  const all = residuals(used, machineModel, factors);
  return {
    threads: factors.threads,
    name,
    value,
    n: used.length,
    spread: all.length < 2 ? null : spreadOf(all),
  };
}

/** @returns the standard deviation of residuals around zero, because a bias is an error, too. */
export function spreadOf(all: readonly number[]): number {
  return Math.sqrt(all.reduce((sum, r) => sum + r * r, 0) / Math.max(1, all.length - 1));
}

/**
 * Residuals below this count by their square, because a search along one number at a time needs a smooth
 * loss.
 */
const SMOOTH = 0.03;

/** @returns |r|, smoothed near 0. */
export const size = (r: number) => Math.sqrt(r * r + SMOOTH * SMOOTH) - SMOOTH;

/** @returns the mean of |ln(predicted / measured)|, smoothed near 0. */
export function lossOf(
  samples: readonly OperatorSample[],
  machineModel: MachineModel,
  factors: ThreadFactors,
): number {
  return residuals(samples, machineModel, factors).reduce((sum, r) => sum + size(r), 0) / samples.length;
}

/** @returns ln(predicted / measured) of each sample. */
export function residuals(
  samples: readonly OperatorSample[],
  machineModel: MachineModel,
  factors: ThreadFactors,
): number[] {
  return samples.map(({ work, tokens, queries, workingSet, seconds }) => {
    const context: PredictionContext = { machineModel, factors, tokens, queries, workingSet };
    return Math.log(predictOperator(work, context).seconds / seconds);
  });
}

/** Whether most of what is read comes from memory. */
export const isStreamed = ({ workingSet }: OperatorSample, { capacityBytes }: ThreadFactors) =>
  workingSet > 2 * (capacityBytes ?? 0);
