import type { FactorEvidence, ThreadFactors } from '../../core/result/factors.js';
import type { MachineModel } from '../machine-model.js';
import { type PredictionContext, predictOperator } from '../predict.js';
import type { OperatorSample } from './sample.js';
import type { Unknown } from './search.js';

/**
 * Factors with those of one more group of operators, and how well these are known: what each step of a fit
 * gives.
 */
export interface Fitted {
  readonly factors: ThreadFactors;
  readonly evidence: readonly FactorEvidence[];
}

/**
 * Of memory: where operators are slower than reading, nothing else keeps this one from growing without end.
 */
export const STREAMING: Unknown = { start: 0.5, least: 0.005, most: 1 };

/**
 * @returns what `used` tell of a factor under the factors that were fitted.
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

/** @returns the standard deviation of residuals around nothing: a bias is an error, too. */
export function spreadOf(all: readonly number[]): number {
  return Math.sqrt(all.reduce((sum, r) => sum + r * r, 0) / Math.max(1, all.length - 1));
}

/**
 * Residuals below this count as squares, for a search along one number at a time needs a loss without
 * corners.
 */
const SMOOTH = 0.03;

/** @returns |r|, rounded off at its tip. */
export const size = (r: number) => Math.sqrt(r * r + SMOOTH * SMOOTH) - SMOOTH;

/** @returns the mean of |ln(predicted / measured)|, rounded off at its tip. */
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

/** Whether what is read comes from memory, for the greater part. */
export const isStreamed = ({ workingSet }: OperatorSample, { capacityBytes }: ThreadFactors) =>
  workingSet > 2 * (capacityBytes ?? 0);
