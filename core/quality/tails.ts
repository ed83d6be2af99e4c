import { quantileOfSorted, sorted } from '../../statistics/quantile.js';

/**
 * The percentiles that llama-perplexity --kl-divergence prints. Linear between neighbours (type 7), as there.
 */
export interface Distribution {
  readonly maximum: number;
  readonly p999: number;
  readonly p99: number;
  readonly p95: number;
  readonly p90: number;
  readonly p75: number;
  readonly median: number;
  readonly p25: number;
  readonly p10: number;
  readonly p5: number;
  readonly p1: number;
  readonly p01: number;
  readonly minimum: number;
}

/** @returns the percentiles; NaN for an empty list. `p999` is the 99.9th, `p01` the 0.1th. */
export function distributionOf(values: readonly number[]): Distribution {
  const ordered = sorted(values);
  const quantile = (p: number) => quantileOfSorted(ordered, p);
  return {
    maximum: quantile(1),
    p999: quantile(0.999),
    p99: quantile(0.99),
    p95: quantile(0.95),
    p90: quantile(0.9),
    p75: quantile(0.75),
    median: quantile(0.5),
    p25: quantile(0.25),
    p10: quantile(0.1),
    p5: quantile(0.05),
    p1: quantile(0.01),
    p01: quantile(0.001),
    minimum: quantile(0),
  };
}
