import { quote } from '../core/quote.js';
import { DEFAULT_NAMESPACE } from '../core/sweep/identity.js';
import type { FactHead, Log, ResultHead } from './log/log.js';
import { Column } from './scheduler/column.js';
import { damageOf } from './scheduler/damage.js';
import { isDeletedTrial } from './scheduler/deleted-trials.js';
import { applyFact, skipFact } from './scheduler/facts.js';
import { type KeptSweep, type Piece, StateTaker, statePieces } from './scheduler/kept.js';
import { inNamespace } from './scheduler/namespaces.js';
import { emptyState, type SchedulerOptions, type SchedulerState } from './scheduler/state.js';
import type { SweepView } from './scheduler/view.js';
import { readSweep } from './sweeps.js';

type Submitted = Extract<FactHead, { fact: 'SweepSubmitted' }>;

/** Of a snapshot: what a projection knows beside the state. */
interface Kept {
  readonly submissions: Map<string, number>;
  readonly deletions: Map<string, number>;
  readonly damaged: Set<number>;
  readonly said: readonly string[];
  readonly searched: Map<string, number[]>;
  /** Entries of results that were exported. */
  readonly shown: readonly number[];
}

/** Trials of one piece of a snapshot, and sentences that are kept. */
const [PIECE, MOST_SAID] = [32_768, 100];

/**
 * The scheduler's state as the log gives it: its facts applied one after the other, and where in the log each
 * trial is.
 */
export class Projection {
  readonly state: SchedulerState;
  readonly #warn: (sentence: string) => void;
  /** Entry of the log of each recorded trial, by its number. */
  readonly #entries = new Column((length) => new Uint32Array(length));
  /** Entry of the newest submission of each sweep, by its id. */
  readonly #submissions = new Map<string, number>();
  /** Entry by which a sweep was deleted last, by its id. */
  readonly #deletions = new Map<string, number>();
  /** Entries of the log that are left out. */
  readonly #damaged = new Set<number>();
  /** Entries of each sweep that is searched: its search is made of them again. */
  readonly #searched = new Map<string, number[]>();
  /** What was left out, in sentences. */
  readonly #said: string[] = [];
  #position = 0;

  /** @param warn is told, in a sentence, what of the log is left out. */
  constructor(options: SchedulerOptions, warn: (sentence: string) => void) {
    this.state = emptyState(options);
    this.#warn = warn;
  }

  /** Last entry of the log that the state knows. */
  get position(): number {
    return this.#position;
  }

  /** Whether an entry of the log is left out, since it is damaged or forged. */
  isDamaged(position: number): boolean {
    return this.#damaged.has(position);
  }

  /** Whether an entry that is about a sweep was written before the sweep was deleted. */
  isDeleted(sweepId: string, position: number): boolean {
    return position <= (this.#deletions.get(sweepId) ?? 0);
  }

  /** Position of a trial's entry in the log; undefined for an unknown trial, and for a deleted one. */
  entryOf(trialId: string): number | undefined {
    const number = this.state.recorded.numberOf(trialId);
    if (number === undefined || number >= this.#entries.length) return undefined;
    return isDeletedTrial(this.state, trialId) ? undefined : this.#entries.at(number) || undefined;
  }

  /** Position of the entry by which a sweep was submitted last; undefined for an unknown one. */
  submissionOf(sweepId: string): number | undefined {
    return this.#submissions.get(sweepId);
  }

  /** Applies the entry at a position. @param view of a submitted sweep, where it has been read already. */
  apply(fact: FactHead, position: number, view?: SweepView): void {
    this.#position = position;
    applyFact(this.state, fact, fact.fact === 'SweepSubmitted' ? this.#resumed(fact, view) : null);
    if (fact.fact === 'SweepSubmitted') this.#submissions.set(fact.sweepId, position);
    if (fact.fact === 'SweepDeleted') this.#forget(fact.sweepId, position);
    const sweepId = sweepOf(fact);
    if (this.#isSearched(sweepId)) {
      const entries = this.#searched.get(sweepId);
      if (entries === undefined) this.#searched.set(sweepId, [position]);
      else entries.push(position);
    }
    if (fact.fact !== 'ResultRecorded') return;
    const number = this.state.recorded.numberOf(fact.record.trialId);
    if (number === undefined) return;
    while (this.#entries.length <= number) this.#entries.push(0);
    this.#entries.set(number, position);
  }

  /** Reads and applies what the log has behind the position. @param replayed is told each sound result. */
  async catchUp(log: Log, replayed: (head: ResultHead, position: number) => void = () => {}): Promise<void> {
    const before = this.#damaged.size;
    let first: string | null = null;
    for await (const entry of log.read(this.#position, 'head')) {
      const { position } = entry;
      // Nothing is waited for that is not read: a log has a million of them.
      const searched = entry.head.fact === 'ResultRecorded' && this.#isSearched(sweepOf(entry.head));
      const head = searched ? await withNumbers(entry.head, position, log) : entry.head;
      const damage = damageOf(this.state, head);
      if (damage === null) {
        this.apply(head, position);
        if (head.fact === 'ResultRecorded') replayed(head.record, position);
      } else {
        first ??= `entry ${position}: ${damage}`;
        this.#damaged.add(position);
        this.#position = position;
        skipFact(this.state, head);
      }
    }
    const count = this.#damaged.size - before;
    if (first === null) return;
    this.#say(
      `The log has ${count === 1 ? 'a damaged entry' : `${count} damaged entries, the first of them`} (${quote(first)}): left out, and points that it settled are measured again.`,
    );
  }

  /** @returns what a snapshot holds of it. @param shown trials that are exported */
  *pieces(shown: Iterable<string>): Generator<Piece> {
    const kept: Kept = {
      submissions: this.#submissions,
      deletions: this.#deletions,
      damaged: this.#damaged,
      said: this.#said,
      searched: this.#searched,
      shown: [...shown].flatMap((trialId) => this.entryOf(trialId) ?? []).sort((a, b) => a - b),
    };
    yield ['projection', kept];
    for (let from = 0; from < this.#entries.length; from += PIECE)
      yield ['entries', this.#entries.slice(from, from + PIECE)];
    yield* statePieces(this.state);
  }

  /**
   * Takes in what a snapshot holds, in place of the log's entries up to a position.
   * @returns entries of results that were exported, and what was left out, in sentences.
   * @throws Error or FailureError; then nothing of it may be used.
   */
  async restore(
    pieces: AsyncIterable<unknown>,
    position: number,
    log: Log,
  ): Promise<Pick<Kept, 'shown' | 'said'>> {
    const taker = new StateTaker(this.state);
    let kept: Kept | null = null;
    for await (const piece of pieces) {
      const [of, value] = piece as Piece;
      if (of === 'projection') {
        kept = value as Kept;
        for (const [sweepId, at] of kept.submissions) this.#submissions.set(sweepId, at);
        for (const [sweepId, at] of kept.deletions) this.#deletions.set(sweepId, at);
        for (const at of kept.damaged) this.#damaged.add(at);
        this.#said.push(...kept.said);
      } else if (of === 'entries') for (const entry of value as Uint32Array) this.#entries.push(entry);
      else if (of === 'sweep') await this.#restoreSweep(value as KeptSweep, kept, taker, log);
      else taker.take(piece as Piece);
    }
    if (kept === null) throw new Error('it ends early');
    taker.end();
    this.#position = position;
    return kept;
  }

  async #restoreSweep(sweep: KeptSweep, kept: Kept | null, taker: StateTaker, log: Log): Promise<void> {
    const { sweepId, searched } = sweep;
    const entry = async (at: number): Promise<FactHead> => (await log.get(at, 'head')).head;
    if (searched) {
      for (const at of kept?.searched.get(sweepId) ?? [])
        this.apply(await withNumbers(await entry(at), at, log), at);
      return;
    }
    const fact = await entry(this.#submissions.get(sweepId) ?? 0);
    const view = fact.fact === 'SweepSubmitted' ? this.#resumed(fact) : null;
    if (view?.sweepId !== sweepId)
      throw new Error(`it has the sweep ${sweepId}, which the log does not have`);
    taker.takeSweep(view, sweep);
  }

  #forget(sweepId: string, position: number): void {
    this.#submissions.delete(sweepId);
    this.#searched.delete(sweepId);
    this.#deletions.set(sweepId, position);
  }

  #isSearched(sweepId: string): boolean {
    const view = this.state.sweeps.get(sweepId)?.view;
    return view !== undefined && view.newSearch !== null;
  }

  #say(sentence: string): void {
    if (this.#said.length < MOST_SAID) this.#said.push(sentence);
    this.#warn(sentence);
  }

  /** @returns null for a sweep that this release cannot go on with; its results stay readable. */
  #resumed(fact: Submitted, read?: SweepView): SweepView | null {
    try {
      const view =
        read ?? inNamespace(readSweep(fact.document, fact.models), fact.namespace ?? DEFAULT_NAMESPACE);
      // An id that changed with a release would mix points of two numberings.
      if (view.sweepId === fact.sweepId) return view;
      this.#say(
        `Sweep ${fact.sweepId} was written by another release and is now ${view.sweepId}: not resumed.`,
      );
    } catch (error) {
      this.#say(
        `Sweep ${fact.sweepId} cannot be read any more and is not resumed: ${(error as Error).message}`,
      );
    }
    return null;
  }
}

/** @returns the sweep that a fact is about; '' = none. */
function sweepOf(fact: FactHead): string {
  if (fact.fact === 'ResultRecorded') return fact.record?.sweep?.id ?? '';
  return 'sweepId' in fact ? fact.sweepId : '';
}

/** A search decides by all metrics of its records, which heads do not have. */
async function withNumbers(head: FactHead, position: number, log: Log): Promise<FactHead> {
  if (head.fact !== 'ResultRecorded') return head;
  const row = await log.get(position, 'row');
  if (row.fact.fact !== 'ResultRecorded') return head;
  return { ...head, record: { ...head.record, measurements: row.fact.record.measurements } };
}
