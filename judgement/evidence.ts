import { measuredSpan, type Repeat, repeatsOf } from '../core/metrics/derive.js';
import type { Window } from '../core/metrics/integrate.js';
import { type CleanSeries, cleanSeries } from '../core/metrics/series.js';
import type { ResultRecord, TrialFacts } from '../core/result/result.js';
import type { RooflineRecord } from '../core/result/roofline-record.js';
import type { Warning } from '../core/result/warnings.js';
import type { StopReason } from '../statistics/stopping.js';
import type { Entries } from './entries.js';

/** What the workload says of its own repeating. */
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
   * Where it stands under the ceilings of its machine; null where that is not known, as `measurements` say.
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
  /** Gaps in readings that a published number rests on: quantity → longest, in seconds. */
  readonly gaps?: ReadonlyMap<string, number>;
}

/** @returns what is judged of a trial; null when it did not complete: then no number is published. */
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
 * Places a row under the roofs of its device. The judge is given one (roofline/judge.ts), so that the domain
 * does not depend on the analytic model.
 * @returns the block of a record, or why there is none.
 */
export type Placement = (evidence: Evidence) => RooflineRecord | string;
