import type { RooflineRecord } from '../core/result/roofline-record.js';
import { median } from '../statistics/quantile.js';
import { type Entries, perRepeat } from './entries.js';
import type { Evidence, Findings } from './evidence.js';
import { NOT_APPLICABLE } from './not-applicable.js';

/**
 * How long a call of an op took, what it achieved, and how near it came to the roofs of its node.
 * @param placement of the row under its roofs, or why there is none.
 */
export function kernelFindings(evidence: Evidence, placement: RooflineRecord | string): Findings {
  const { kernel } = evidence.input;
  const perCall = kernel?.callSeconds.map((calls) => median(calls)) ?? [];
  const placed = kernel === null ? NOT_APPLICABLE.kernel : placement;
  const least = typeof placed === 'string' ? null : placed.phases[0]!.roofSeconds;
  const entryOf = (value: (seconds: number) => number) =>
    perRepeat(perCall.map(value), NOT_APPLICABLE.kernel);
  const entries: Entries = {
    kernelSeconds: entryOf((seconds) => seconds),
    achievedBytesPerSecond: entryOf((seconds) => kernel!.bytes / seconds),
    achievedFlopsPerSecond: entryOf((seconds) => kernel!.flops / seconds),
    kernelRoofRatio: least === null ? perRepeat([], placed as string) : entryOf((seconds) => least / seconds),
  };
  return { entries, warnings: [] };
}
