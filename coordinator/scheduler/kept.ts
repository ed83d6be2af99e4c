import { addSweep } from './facts.js';
import { type PointQueue, queueOf, type SchedulerState, type SweepState, type Tries } from './state.js';
import type { SweepView } from './view.js';

/** What a part of the state takes back, piece by piece. */
type PieceOf<T extends { restore(piece: never): void }> = Parameters<T['restore']>[0];

/** One value of a snapshot, and what it belongs to. */
export type Piece = readonly [of: string, value: unknown];

/** Parts of the state that are kept as they are. */
const GLOBALS = [
  'otherReleases',
  'leaseKey',
  'forged',
  'repeated',
  'superseded',
  'usage',
  'cordoned',
  'deleted',
  'pinned',
  'severalTurns',
] as const;

type Globals = Pick<SchedulerState, (typeof GLOBALS)[number]>;

/** Fields of a sweep that are kept as they are. */
const OF_SWEEP = [
  'priority',
  'submittedAt',
  'cancelled',
  'ended',
  'lastNode',
  'paused',
  'questions',
  'nextBlock',
  'trialSeconds',
  'sources',
] as const;

/** A sweep without its view and its points. */
export interface KeptSweep {
  readonly sweepId: string;
  /** Its search is made again of its entries. */
  readonly searched: boolean;
  readonly rest: Pick<SweepState, (typeof OF_SWEEP)[number] | 'budget'>;
}

interface KeptQueue {
  readonly key: string;
  readonly rest: Pick<
    PointQueue,
    'counts' | 'disturbedBy' | 'invalidBy' | 'tries' | 'cut' | 'stale' | 'returned'
  >;
}

/**
 * The part of a state that comes from facts, as reading the log again gives it. Leases, blocks and nodes are
 * left out, and points under way wait as if nobody had them. The place of a point in the order is no fact.
 */
export function* statePieces(state: SchedulerState): Generator<Piece> {
  yield ['globals', picked(state, GLOBALS) satisfies Globals];
  yield* named('recorded', state.recorded.pieces());
  yield* named('known', state.known.pieces());
  for (const sweep of state.sweeps.values()) {
    const kept = keptSweep(sweep);
    yield ['sweep', kept];
    if (kept.searched) continue;
    for (const [key, queue] of sweep.queues) {
      yield ['queue', keptQueue(key, queue)];
      yield* named('settled', queue.settled.pieces());
      yield* named('starts', queue.starts.pieces(queue.settled));
    }
  }
}

/** Puts such pieces into an empty state, in their order. */
export class StateTaker {
  readonly #state: SchedulerState;
  #sweep: SweepState | null = null;
  #queue: PointQueue | null = null;
  #usage: ReadonlyMap<string, number> = new Map();

  constructor(state: SchedulerState) {
    this.#state = state;
  }

  take([of, value]: Piece): void {
    switch (of) {
      case 'globals':
        this.#takeGlobals(value as Globals);
        break;
      case 'recorded':
        this.#state.recorded.restore(value as PieceOf<SchedulerState['recorded']>);
        break;
      case 'known':
        this.#state.known.restore(value as PieceOf<SchedulerState['known']>);
        break;
      case 'queue': {
        const { key, rest } = value as KeptQueue;
        this.#queue = queueOf(this.#sweep!, key);
        Object.assign(this.#queue, rest);
        break;
      }
      case 'settled':
        this.#queue!.settled.restore(value as PieceOf<PointQueue['settled']>);
        break;
      case 'starts':
        this.#queue!.starts.restore(value as PieceOf<PointQueue['starts']>);
        break;
    }
  }

  takeSweep(view: SweepView, { rest }: KeptSweep): void {
    this.#sweep = addSweep(this.#state, view, rest);
    Object.assign(this.#sweep, rest);
  }

  /** What was charged for is in it already, whatever was applied again meanwhile. */
  end(): void {
    this.#state.usage.clear();
    for (const [namespace, seconds] of this.#usage) this.#state.usage.set(namespace, seconds);
  }

  #takeGlobals(kept: Globals): void {
    const state = this.#state;
    for (const [sweepId, other] of kept.otherReleases) state.otherReleases.set(sweepId, other);
    state.leaseKey = kept.leaseKey;
    // A sweep that made it so may be deleted.
    state.severalTurns ||= kept.severalTurns;
    for (const trialId of kept.forged) state.forged.add(trialId);
    for (const trialId of kept.repeated) state.repeated.add(trialId);
    for (const [trialId, others] of kept.superseded) state.superseded.set(trialId, others);
    for (const [node, reason] of kept.cordoned) state.cordoned.set(node, reason);
    for (const [sweepId, before] of kept.deleted) state.deleted.set(sweepId, before);
    for (const [sweepId, reason] of kept.pinned) state.pinned.set(sweepId, reason);
    this.#usage = kept.usage;
  }
}

/** @returns an object of some fields of another one. */
function picked<T extends object, K extends keyof T>(from: T, fields: readonly K[]): Pick<T, K> {
  return Object.fromEntries(fields.map((field) => [field, from[field]])) as Pick<T, K>;
}

function* named(of: string, values: Iterable<unknown>): Generator<Piece> {
  for (const value of values) yield [of, value];
}

function keptSweep(sweep: SweepState): KeptSweep {
  const budget = sweep.budget && { seconds: sweep.budget.seconds, beganAt: null, short: false };
  const { sweepId, newSearch } = sweep.view;
  return { sweepId, searched: newSearch !== null, rest: { ...picked(sweep, OF_SWEEP), budget } };
}

function keptQueue(key: string, queue: PointQueue): KeptQueue {
  const { counts, disturbedBy, invalidBy, cut, stale, settled } = queue;
  const tries = new Map(
    [...queue.tries].filter(([, one]) => wasRecorded(one)).map(([at, one]) => [at, { ...one, losses: 0 }]),
  );
  const returned = queue.returned.filter((position) => !settled.has(position));
  return { key, rest: { counts, disturbedBy, invalidBy, tries, cut, stale, returned } };
}

/** Leases that were lost are no facts. */
function wasRecorded({ failedTrialId, invalidTrialId, elsewhere }: Tries): boolean {
  return failedTrialId !== null || invalidTrialId !== null || elsewhere.size > 0;
}
