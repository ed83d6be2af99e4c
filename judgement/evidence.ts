import { measuredSpan, type Repeat, repeatsOf } from '../core/metrics/derive.js';
import type { Window } from '../core/metrics/integrate.js';
import { type CleanSeries, cleanSeries } from '../core/metrics/series.js';
import type { ResultRecord, TrialFacts } from '../core/result/result.js';
import type { RooflineRecord } from '../core/result/roofline-record.js';
import type { Warning } from '../core/result/warnings.js';
import type { StopReason } from '../statistics/stopping.js';
import type { Entries } from './entries.js';

/** What the workload reports about its own repeats. */
export interface Outcome {
  readonly repeats: number;
  readonly warmups: number;
  readonly warmupSettled: boolean;
  readonly stop: StopReason;
  readonly halfWidth: number | null;
}

export interface Judgement {
  /** One entry for every metric of the catalogue: a number, or null with a reason. */
  readonly measurements: ResultRecord['measurements'];
  readonly warnings: Warning[];
  readonly valid: boolean;
  /**
   * Its place under the roofs of its machine; null if that is unknown, with the reason in `measurements`.
   */
  readonly roofline: RooflineRecord | null;
}

/** The facts, prepared once: clean series by quantity, repeats, and the measured span. */
export interface Evidence {
  readonly input: TrialFacts;
  readonly outcome: Outcome;
  readonly repeats: readonly Repeat[];
  readonly span: Window | null;
  readonly all: readonly CleanSeries[];
  readonly series: ReadonlyMap<string, CleanSeries>;
}

/** What one part of the judge found. */
export interface Findings {
  readonly entries: Entries;
  readonly warnings: readonly Warning[];
  /**
   * Gaps in readings from which a published number is computed: for each quantity the longest, in seconds.
   */
  readonly gaps?: ReadonlyMap<string, number>;
}

/**
 * @returns the facts of a trial that are judged; null if the trial did not complete, because then no number
 *   is published.
 */
export function gather(input: TrialFacts): Evidence | null {
  const { stop, count, warmups, halfWidth } = input.repeats;
  if (input.status !== 'complete' || stop === 'not-started') return null;
  const all = input.samples.map(cleanSeries).filter((s) => s.seconds.length > 0);
  return {
    input,
    outcome: { repeats: count, warmups, warmupSettled: input.given.warmupSettled, stop, halfWidth },
    repeats: repeatsOf(input.phases),
    span: measuredSpan(input.phases),
    all,
    series: new Map(all.map((s) => [s.quantity, s])),
  };
}

/**
 * Places a row under the roofs of its device. It is passed to the judge (batching/judge.ts), so that this
 * room does not depend on the analytic model.
 * @returns the block of a record, or why there is none.
 */
export type Placement = (evidence: Evidence) => RooflineRecord | string;
