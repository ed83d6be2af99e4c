import type { ResultRecord } from '../../core/result.js';
import type { ModelRef } from '../../core/sweep/experiment.js';

/**
 * The log is the truth (DESIGN §4). Durable facts are few; queues, leases, progress and tables are
 * projections that reading the log rebuilds.
 */
export type Fact =
  | {
      readonly fact: 'SweepSubmitted';
      readonly sweepId: string;
      readonly document: string;
      readonly models: readonly ModelRef[];
      readonly submitter: string;
      readonly at: string;
    }
  | {
      readonly fact: 'SweepCancelled';
      readonly sweepId: string;
      readonly reason: string;
      readonly at: string;
    }
  | { readonly fact: 'ResultRecorded'; readonly record: ResultRecord }
  /** A point whose experiment was measured before takes over the result of that trial. */
  | {
      readonly fact: 'ResultReused';
      readonly sweepId: string;
      readonly position: number;
      readonly experimentId: string;
      readonly trialId: string;
      /** The node, where it is an axis (placement.perNode); null otherwise. */
      readonly node: string | null;
    }
  | {
      readonly fact: 'ExperimentGivenUp';
      readonly sweepId: string;
      readonly position: number;
      readonly experimentId: string;
      readonly reason: string;
      readonly at: string;
      /** The node, where it is an axis (placement.perNode); null or absent otherwise. */
      readonly node?: string | null;
    }
  /** Written once: what the leases of this log are signed with (docs/decisions/0037-leases-as-capabilities.md). */
  | { readonly fact: 'LeaseKeyCreated'; readonly key: string; readonly at: string };

/** @returns the trial a fact records, or null: what makes appending idempotent. */
export function trialOf(fact: Fact): string | null {
  return fact.fact === 'ResultRecorded' ? fact.record.trialId : null;
}

export interface LogEntry {
  /** 1-based, without gaps. */
  readonly position: number;
  readonly fact: Fact;
}

export type AppendOutcome =
  | { readonly appended: true; readonly position: number }
  /** Somebody else wrote first; `position` is where the log ends now. */
  | { readonly appended: false; readonly position: number };

export interface Log {
  /** Position of the last entry; 0 = empty. */
  end(): Promise<number>;
  /**
   * Appends all or nothing, durably, when the log still ends at `expected`.
   * A ResultRecorded whose trial id is in the log already is dropped silently (idempotent).
   */
  append(facts: readonly Fact[], expected: number): Promise<AppendOutcome>;
  /** Entries after `position`, oldest first, up to the end as it was when reading began. */
  read(after: number): AsyncIterable<LogEntry>;
  /** Like read, then every new entry until the signal aborts. */
  follow(after: number, signal: AbortSignal): AsyncIterable<LogEntry>;
  close(): Promise<void>;
}
