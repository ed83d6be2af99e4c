import type { ModelRef } from '../../core/experiment/experiment.js';
import type { ResultRecord } from '../../core/result/result.js';
import type { Link } from './chain.js';
import type { Candidate, Term, Waiting } from './leadership.js';

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
      /**
       * Seconds that it may take from its first lease on; then points that have a start get no other. Left
       * out = as long as it takes.
       */
      readonly budgetSeconds?: number | undefined;
      /** Whose sweep it is; left out = `default`. */
      readonly namespace?: string | undefined;
      /** Against other sweeps of its namespace; left out = 0. */
      readonly priority?: number | undefined;
      readonly submitter: string;
      readonly at: string;
    }
  | {
      readonly fact: 'SweepCancelled';
      readonly sweepId: string;
      readonly reason: string;
      readonly at: string;
    }
  /**
   * The sweep and its results are gone from what a coordinator knows and shows; the entries stay in the log.
   * Submitted again, it is measured anew.
   */
  | {
      readonly fact: 'SweepDeleted';
      readonly sweepId: string;
      readonly reason: string;
      readonly at: string;
    }
  /** It is not deleted until `SweepUnpinned`. */
  | {
      readonly fact: 'SweepPinned' | 'SweepUnpinned';
      readonly sweepId: string;
      readonly reason: string;
      readonly at: string;
    }
  /** Nothing more of it is begun until `SweepResumed`. */
  | {
      readonly fact: 'SweepPaused' | 'SweepResumed';
      readonly sweepId: string;
      readonly reason: string;
      readonly at: string;
    }
  | {
      readonly fact: 'ResultRecorded';
      readonly record: ResultRecord;
      /** The same as JSON, where whoever appends it has it at hand; never read back. */
      readonly json?: string | undefined;
    }
  /** A node is given no more work until `NodeUncordoned`; what runs there goes on, and its agent stays. */
  | {
      readonly fact: 'NodeCordoned' | 'NodeUncordoned';
      readonly node: string;
      readonly reason: string;
      readonly at: string;
    }
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
  /** Of a point that a search has probed: whether it is measured in full, and why. */
  | {
      readonly fact: 'PromotionDecided';
      readonly sweepId: string;
      readonly position: number;
      readonly promoted: boolean;
      readonly reason: string;
      readonly at: string;
      /** The node, where it is an axis (placement.perNode); null otherwise. */
      readonly node: string | null;
    }
  /**
   * The sweep asks these questions from now on (`questionsId`), as a node found them in its files. Points
   * that were asked others are asked, or scored, again.
   */
  | {
      readonly fact: 'QuestionsChanged';
      readonly sweepId: string;
      readonly questions: string;
      readonly at: string;
    }
  /** What a log reads where an entry holds no fact; never written. */
  | { readonly fact: 'Damaged'; readonly reason: string }
  /**
   * Written once: what the leases of this log are signed with (docs/decisions/0005-what-the-log-holds.md).
   */
  | { readonly fact: 'LeaseKeyCreated'; readonly key: string; readonly at: string };

/** Where the raw part of a large record is: a file in the store of bodies, its JSON packed by gzip. */
export interface RawBody {
  /** `sha256:<hex>` of its bytes. */
  readonly digest: string;
}

export interface AskedHead {
  /** `questionsId`. */
  readonly questions: string;
  readonly seconds: number;
}

/**
 * What a projection needs of a record: how the trial ended, and of what it was one. A record is a head, too.
 */
export interface ResultHead
  extends Pick<
    ResultRecord,
    'trialId' | 'experimentId' | 'supersedes' | 'sweep' | 'startedAt' | 'endedAt' | 'status' | 'valid'
  > {
  readonly node: Pick<ResultRecord['node'], 'name'>;
  readonly device: Pick<ResultRecord['device'], 'id' | 'name'>;
  readonly failure: Pick<NonNullable<ResultRecord['failure']>, 'code' | 'message'> | null;
  readonly warnings: readonly Pick<ResultRecord['warnings'][number], 'code' | 'severity'>[];
  /**
   * Each is left out where the record has none: nothing was opened, or the engine has no files of its own.
   */
  readonly environment: {
    readonly [fact in 'engine' | 'engineBuild']?: ResultRecord['environment'][string];
  };
  /**
   * What its model was asked and scored by, and how long that took. A whole record has it in `quality`. Left
   * out where it was asked nothing.
   */
  readonly asked?: AskedHead;
  readonly quality?: ResultRecord['quality'];
  /** Left out where the record has its raw part itself. */
  readonly rawBody?: RawBody;
  /** Of the metrics that must settle (core/metrics/settling.ts). */
  readonly measurements: Readonly<
    Record<string, { readonly value: number | null; readonly reason?: string }>
  >;
}

/** A fact whose record, where it has one, is a head at least. */
export type FactHead =
  | Exclude<Fact, { fact: 'ResultRecorded' }>
  | { readonly fact: 'ResultRecorded'; readonly record: ResultHead };

/**
 * How much of a record is read: its `head`, its `row` (all but phases, times between tokens, readings and
 * what it was judged from, which are empty or left out), or all of it.
 */
export type Detail = 'head' | 'row' | 'full';

/** @returns the trial a fact records, or null: what makes appending idempotent. */
export function trialOf(fact: FactHead): string | null {
  return fact.fact === 'ResultRecorded' ? fact.record.trialId : null;
}

/** @returns the items whose trials a log does not have, each trial once. */
export function withoutKnown<Item>(
  items: readonly Item[],
  trialIn: (item: Item) => string | null,
  known: ReadonlySet<string>,
): Item[] {
  const here = new Set<string>();
  return items.filter((item) => {
    const trial = trialIn(item);
    if (trial === null) return true;
    if (known.has(trial) || here.has(trial)) return false;
    here.add(trial);
    return true;
  });
}

export interface HeadEntry {
  /** 1-based, without gaps. */
  readonly position: number;
  readonly head: FactHead;
}

export interface LogEntry extends HeadEntry {
  /** With the record in the detail that was asked for. */
  readonly fact: Fact;
  /** The same record as JSON, for who passes it on; null for every other fact. */
  readonly recordJson: string | null;
}

/** Entries as they are read at a level of detail. */
export type EntryAt<D extends Detail> = D extends 'head' ? HeadEntry : LogEntry;

export type AppendOutcome =
  | { readonly appended: true; readonly position: number }
  /** Somebody else wrote first; `position` is where the log ends now. */
  | { readonly appended: false; readonly position: number };

/** What a log survives of what it has acknowledged. */
export interface Durability {
  /** On a disk; on a disk a while later; nobody here can tell; gone with the process. */
  readonly level: 'synced' | 'delayed' | 'unknown' | 'none';
  /** One sentence for people: what it survives, and what to do where that is little. */
  readonly sentence: string;
}

/**
 * Where what was made of a log is kept beside it, so that a start need not read all of it again. Nothing is
 * lost with it.
 */
export interface Snapshots {
  /** The bytes that were kept last; null = none were. */
  read(): Promise<AsyncIterable<Uint8Array> | null>;
  begin(): Promise<SnapshotDraft>;
}

export interface SnapshotDraft {
  add(bytes: Uint8Array): Promise<void>;
  /** Puts it in place of the one before, as a whole and for good. */
  keep(): Promise<void>;
  drop(): Promise<void>;
}

/**
 * Reading throws when an entry is missing, or when the log is closed meanwhile: what ends without an error is
 * all there was.
 */
export interface Log {
  /** Position of the last entry; 0 = empty. */
  end(): Promise<number>;
  /**
   * Appends all or nothing, durably, when the log still ends at `expected`.
   * A ResultRecorded whose trial id is in the log already is dropped silently (idempotent).
   * @param term under which it is written; left out = nobody leads here: a log that is made or copied
   * @throws FailureError when the term is over
   */
  append(facts: readonly Fact[], expected: number, term?: Term): Promise<AppendOutcome>;
  /** Entries after `position`, oldest first, up to the end as it was when reading began. */
  read<D extends Detail>(after: number, detail: D): AsyncIterable<EntryAt<D>>;
  /** Like read, then every new entry until the signal aborts. */
  follow<D extends Detail>(after: number, signal: AbortSignal, detail: D): AsyncIterable<EntryAt<D>>;
  /**
   * What the log holds as it is stored, with its checksums, after `position`: for who checks them. Where
   * something is missing, less comes.
   */
  links(after: number): AsyncIterable<Link>;
  /** One entry that is there. */
  get<D extends Detail>(position: number, detail: D): Promise<EntryAt<D>>;
  /**
   * Waits until nobody leads the log, and leads it: of appends under terms before none is taken any more. A
   * log that only one process can open is led at once.
   * @throws the reason of `waiting.signal`, or FailureError of the log
   */
  lead(candidate: Candidate, waiting: Waiting): Promise<Term>;
  /** null = it has no place for any. */
  readonly snapshots: Snapshots | null;
  /** Asked of the server, where there is one. */
  durability(): Promise<Durability>;
  /** @throws FailureError as long as the log would refuse an append of so many bytes. Changes no entry. */
  probe(bytes: number): Promise<void>;
  close(): Promise<void>;
}
