import type { MetricName } from '../core/metrics/catalogue.js';
import type { RooflineRecord } from '../core/result/roofline-record.js';
import { median } from '../statistics/quantile.js';
import { type Entry, perRepeat } from './entries.js';
import type { Evidence, Findings } from './evidence.js';
import { NOT_APPLICABLE } from './not-applicable.js';

/**
 * What a call of an op took, what it achieved, and how near the roofs of its node that is.
 * @param placement of the row under its roofs, or why there is none.
 */
export function kernelFindings(evidence: Evidence, placement: RooflineRecord | string): Findings {
  const { kernel } = evidence.input;
  const perCall = kernel?.callSeconds.map((calls) => median(calls)) ?? [];
  const placed = kernel === null ? NOT_APPLICABLE.kernel : placement;
  const least = typeof placed === 'string' ? null : placed.phases[0]!.roofSeconds;
  const of = (
    value: (seconds: number) => number,
    unit: 's' | 'B/s' | 'FLOP/s' | 'ratio',
    why?: string,
  ): Entry => perRepeat(perCall.map(value), unit, why ?? NOT_APPLICABLE.kernel);
  const entries: Partial<Record<MetricName, Entry>> = {
    kernelSeconds: of((seconds) => seconds, 's'),
    achievedBytesPerSecond: of((seconds) => kernel!.bytes / seconds, 'B/s'),
    achievedFlopsPerSecond: of((seconds) => kernel!.flops / seconds, 'FLOP/s'),
    kernelRoofRatio:
      least === null ? perRepeat([], 'ratio', placed as string) : of((seconds) => least / seconds, 'ratio'),
  };
  return { entries, warnings: [] };
}
