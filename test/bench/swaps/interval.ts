import { mean } from '../../../statistics/summary.js';

export interface Interval {
  readonly mean: number;
  /** Half of the 95 % interval by Student’s t. */
  readonly half: number;
}

/** Quantile .975 of Student’s t with four degrees of freedom: five seeds. */
const T = 2.776;

/** @param values one for each of five seeds. */
export function intervalOf(values: readonly number[]): Interval {
  if (values.length !== 5) throw new Error('the interval is of five seeds');
  const middle = mean(values);
  const variance = values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1);
  return { mean: middle, half: T * Math.sqrt(variance / values.length) };
}
