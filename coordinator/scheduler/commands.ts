import type { Lease } from '../../core/experiment/lease.js';
import type { NodeProfile } from '../../core/experiment/node.js';
import type { ResultRecord } from '../../core/result/result.js';
import type { Fact } from '../log/log.js';

/** What happens to the scheduler. `now` is monotonic seconds, `at` the wall clock for facts. */
export type Event =
  | {
      readonly event: 'node-joined';
      readonly now: number;
      readonly at: string;
      readonly profile: NodeProfile;
      readonly instance: string;
      /** Trials that still run there. */
      readonly trialIds: readonly string[];
      /** Trials that have ended there, and whose records are on their way. */
      readonly endedTrialIds?: readonly string[];
    }
  /** The stream broke; the node may come back before its leases expire. */
  | { readonly event: 'node-disconnected'; readonly now: number; readonly node: string }
  /** The node goes away on purpose; these trials will not be finished. */
  | {
      readonly event: 'node-leaving';
      readonly now: number;
      readonly node: string;
      readonly returnedTrialIds: readonly string[];
    }
  | {
      readonly event: 'work-requested';
      readonly now: number;
      readonly at: string;
      readonly node: string;
      readonly deviceId: string;
    }
  | {
      readonly event: 'heartbeat';
      readonly now: number;
      readonly node: string;
      readonly trialIds: readonly string[];
    }
  /** A trial ended without a record that could be kept. */
  | { readonly event: 'trial-lost'; readonly at: string; readonly trialId: string }
  | {
      readonly event: 'reported';
      readonly at: string;
      readonly record: ResultRecord;
      /** As it came, where that says neither more nor less; null or left out = it is written anew. */
      readonly json?: string | null;
      /**
       * For the purpose `quality`: the record that this one replaces, with the new answers. Left out = the
       * answers are the same, or that record is not here.
       */
      readonly answered?: ResultRecord | null;
    }
  /** A known sweep was submitted again: what it asks may have changed. */
  | { readonly event: 'questions-doubted'; readonly sweepId: string }
  | {
      readonly event: 'cancel-requested';
      readonly at: string;
      readonly sweepId: string;
      readonly reason: string;
    }
  /** The sweep and its results are to be gone. */
  | {
      readonly event: 'delete-requested';
      readonly at: string;
      readonly sweepId: string;
      readonly reason: string;
    }
  /** The sweep is not to be deleted, or it may be again. */
  | {
      readonly event: 'pin-requested' | 'unpin-requested';
      readonly at: string;
      readonly sweepId: string;
      readonly reason: string;
    }
  /** Nothing more of the sweep is to be begun, or it is to go on; what runs is finished. */
  | {
      readonly event: 'pause-requested' | 'resume-requested';
      readonly at: string;
      readonly sweepId: string;
      readonly reason: string;
    }
  /** `crowded`: nodes that are lost are forgotten at once. */
  | { readonly event: 'tick'; readonly now: number; readonly at: string; readonly crowded?: boolean }
  /** The node is to be given no more work, and stays; or it is again. */
  | {
      readonly event: 'cordon-requested' | 'uncordon-requested';
      readonly at: string;
      readonly node: string;
      readonly reason: string;
    }
  /** Somebody wants the node to take no more work and to end. */
  | { readonly event: 'drain-requested'; readonly node: string; readonly reason: string }
  /** This coordinator leads from now on; these nodes may hold leases of whoever led before. */
  | { readonly event: 'took-over'; readonly now: number; readonly nodes: readonly string[] }
  /** The coordinator is stopping. */
  | { readonly event: 'drain'; readonly reason: string };

/** What the scheduler wants done, in this order. */
export type Command =
  /** Write these facts, all or none, then apply them; only then may what follows be carried out. */
  | { readonly command: 'append'; readonly facts: readonly Fact[] }
  /** Answers of the event's caller. */
  | { readonly command: 'grant'; readonly lease: Lease }
  | {
      readonly command: 'no-work';
      readonly deviceId: string;
      readonly retrySeconds: number;
      readonly idle: boolean;
      /** Whether points may wait for it that it is not given yet; else nothing is there for it. */
      readonly undecided: boolean;
    }
  | { readonly command: 'acknowledge'; readonly trialId: string }
  /** The record is not taken in, and never will be. */
  | { readonly command: 'refuse'; readonly trialId: string; readonly reason: string }
  | { readonly command: 'unknown-trials'; readonly trialIds: readonly string[] }
  /** The sweep that was to go on was not paused. */
  | { readonly command: 'not-paused'; readonly sweepId: string }
  /** The sweep that was to be deleted stays, and why: one sentence. */
  | { readonly command: 'not-deleted'; readonly sweepId: string; readonly reason: string }
  /** To other nodes' streams. */
  | {
      readonly command: 'stop-trial';
      readonly node: string;
      readonly trialId: string;
      readonly reason: string;
    }
  | { readonly command: 'wake'; readonly node: string; readonly deviceId: string }
  /** The node's agent is to end once it has finished. */
  | { readonly command: 'drain-node'; readonly node: string; readonly reason: string }
  /** Nothing more is leased; the agent stays and looks for a coordinator again. */
  | { readonly command: 'pause-node'; readonly node: string; readonly reason: string };

/** @returns the command that writes facts; none where there are none. */
export function appendOf(facts: readonly Fact[]): Command[] {
  return facts.length > 0 ? [{ command: 'append', facts }] : [];
}
