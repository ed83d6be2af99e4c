import type { NodeProfile } from '../../core/experiment/node.js';
import type { Objective } from '../../core/sweep/spec.js';
import type { Grown } from '../../search/measured.js';
import type { SearchProgress } from '../../search/searcher.js';
import type { DriftChart, Sitting } from '../drift/charts.js';
import type { Payload } from '../payload.js';
import type { ReportRequest } from '../report.js';
import type { Pace } from '../time-left.js';
import type { Details } from '../trim.js';
import type { Summaries } from './summaries.js';

/**
 * What a coordinator tells a page that follows it: the JSON of `/api/v1` and of its event stream. Times are
 * ISO 8601 in UTC, durations seconds; what is not known is null.
 */

export interface LiveSweep extends Omit<Pace, 'running'> {
  readonly sweepId: string;
  readonly name: string;
  readonly state: 'running' | 'paused' | 'done' | 'cancelled';
  /** Of the points, those that are neither complete, invalid nor failed. */
  readonly queued: number;
  readonly running: number;
  /** Of the complete ones, those taken over from an earlier sweep. */
  readonly reused: number;
  /** Of the complete ones, those of which something disturbed a start. */
  readonly disturbed: number;
  /** Valid starts that each point is to have, and may have at most. */
  readonly starts: number;
  readonly maxStarts: number;
  /** Which start the sweep is at, 1-based; 0 = every point is settled. */
  readonly start: number;
  /** Points by each code of what disturbed them, or made them invalid, the most common one first. */
  readonly disturbedBy: readonly { readonly code: string; readonly points: number }[];
  readonly invalidBy: readonly { readonly code: string; readonly points: number }[];
  readonly submittedAt: string;
  /** Why queued points cannot run on any connected node, or why the sweep is paused. */
  readonly blockedReasons: readonly string[];
  /** Why points were given up, each reason once. */
  readonly failureReasons: readonly string[];
  /** Why it is not deleted until somebody takes that back; null = it is not pinned. */
  readonly pinned: string | null;
  readonly objectives: readonly Objective[];
  /** null = every point is measured. */
  readonly search: LiveSearch | null;
}

/** Where a search stands, and how its front grew. */
export interface LiveSearch extends SearchProgress {
  readonly spared: number;
  readonly curve: readonly Grown[];
}

/** A trial that runs at this moment. */
export interface LiveTrial {
  readonly sweepId: string;
  readonly trialId: string;
  readonly experimentId: string;
  readonly node: string;
  readonly deviceId: string;
  /** `small q8_0 flashAttention=true parallel=4` */
  readonly label: string;
  /** `load`, `warm-up`, `prefill`, …; null before the first. */
  readonly phase: string | null;
  /** 1-based; 0 before the first. */
  readonly repeat: number;
  readonly maxRepeats: number;
  readonly elapsedSeconds: number;
}

export interface LiveNode {
  readonly name: string;
  readonly state: 'idle' | 'busy' | 'draining' | 'drained' | 'lost';
  /** When a node that is away was last heard of; null while it is connected. */
  readonly lastSeenAt: string | null;
  readonly profile: NodeProfile;
}

/**
 * All trials of a sweep up to one entry of the log, packed as the report page carries them, without raw
 * readings; of large sweeps (`details.tokenSeconds` is 0) what tables and charts show of them.
 */
export interface LiveReport
  extends Required<Pick<ReportRequest, 'sweepName' | 'objectives' | 'bounds' | 'points' | 'names'>>,
    Pick<LiveSweep, 'sweepId' | 'starts' | 'maxStarts'> {
  /** Last entry of the log that is in it; events after it complete the picture. */
  readonly through: number;
  readonly details: Details;
  /** Some trials each, in the log's order; each is complete in itself. */
  readonly parts: readonly LivePart[];
}

export type LivePart = Payload | Summaries;

/** The same experiments over time (`ridge drift`): charts of more than one sitting. */
export interface LiveDrift {
  readonly charts: readonly LiveChart[];
  /** Charts that are not sent: those that have the least to say. */
  readonly left: number;
  /** Levels that are others by enough to matter, a sentence each. */
  readonly sentences: readonly string[];
  /** Saved on the coordinator's machine. */
  readonly baselines: readonly { readonly name: string; readonly savedAt: string }[];
}

export interface LiveChart extends Omit<DriftChart, 'sittings'> {
  readonly sittings: readonly Omit<Sitting, 'environment'>[];
  /** Levels of saved results of the same experiment there. */
  readonly baselines: readonly LiveBaseline[];
  /** What it says of its last sitting. */
  readonly last: string;
}

export interface LiveBaseline {
  readonly name: string;
  /** In the unit of the sittings. */
  readonly value: number;
}

/** One more trial, packed alone. */
export interface LiveResult {
  readonly sweepId: string;
  readonly trialId: string;
  readonly payload: Payload;
}

/** Which of several coordinators on one log leads. */
export interface LiveStanding {
  /** This one does: it knows nodes and what runs, and takes what changes something. */
  readonly leads: boolean;
  /** Null = none is known. */
  readonly leader: { readonly address: string; readonly webUrl: string | null } | null;
}

/**
 * The events of the stream by name. Only `result` has an id: its entry of the log, from which a reader
 * resumes.
 */
export interface LiveEvents {
  /**
   * First of every stream. `position` is where the log ends; `reset` = the reader's last id is not of this
   * log; `writes` = who has the scope may submit, pause and cancel here.
   */
  readonly hello: {
    readonly version: string;
    readonly position: number;
    readonly reset: boolean;
    readonly writes: boolean;
    /** Web views of the other coordinators, where this one's configuration names them. */
    readonly otherWebUrls: readonly string[];
  };
  readonly leader: LiveStanding;
  /** Each holds all of its kind, and comes when something of it has changed. */
  readonly sweeps: readonly LiveSweep[];
  readonly nodes: readonly LiveNode[];
  readonly running: readonly LiveTrial[];
  readonly result: LiveResult;
}

export type LiveEventName = keyof LiveEvents;
