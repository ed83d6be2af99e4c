import { quantileOfSorted, sorted } from '../../statistics/quantile.js';

/** The percentiles that llama-perplexity --kl-divergence prints. Linear between neighbours (type 7), as there. */
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
  const at = (p: number) => quantileOfSorted(ordered, p);
  return {
    maximum: at(1),
    p999: at(0.999),
    p99: at(0.99),
    p95: at(0.95),
    p90: at(0.9),
    p75: at(0.75),
    median: at(0.5),
    p25: at(0.25),
    p10: at(0.1),
    p5: at(0.05),
    p1: at(0.01),
    p01: at(0.001),
    minimum: at(0),
  };
}
