import { quote } from '../core/quote.js';
import type { FactHead, Log, ResultHead } from './log/log.js';
import { damageOf } from './scheduler/damage.js';
import { applyFact, skipFact } from './scheduler/facts.js';
import { DEFAULT_NAMESPACE, inNamespace } from './scheduler/namespaces.js';
import { emptyState, type SchedulerOptions, type SchedulerState } from './scheduler/state.js';
import type { SweepView } from './scheduler/view.js';
import { readSweep } from './sweeps.js';

type Submitted = Extract<FactHead, { fact: 'SweepSubmitted' }>;
type Recorded = Extract<FactHead, { fact: 'ResultRecorded' }>;

/** The scheduler's state as the log gives it: its facts applied one after the other, and where in the log each trial is. */
export class Projection {
  readonly state: SchedulerState;
  readonly #warn: (sentence: string) => void;
  /** Entry of the log of each recorded trial, by its number. */
  readonly #entries: number[] = [];
  /** Entry of the newest submission of each sweep, by its id. */
  readonly #submissions = new Map<string, number>();
  /** Entries of the log that are left out. */
  readonly #damaged = new Set<number>();
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

  /** Position of a trial's entry in the log; undefined for an unknown trial. */
  entryOf(trialId: string): number | undefined {
    const number = this.state.recorded.numberOf(trialId);
    return number === undefined ? undefined : this.#entries[number];
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
    if (fact.fact !== 'ResultRecorded') return;
    const number = this.state.recorded.numberOf(fact.record.trialId);
    if (number !== undefined) this.#entries[number] = position;
  }

  /** Reads and applies what the log has behind the position. @param replayed is told each sound result. */
  async catchUp(log: Log, replayed: (head: ResultHead, position: number) => void = () => {}): Promise<void> {
    const before = this.#damaged.size;
    let first: string | null = null;
    for await (const entry of log.read(this.#position, 'head')) {
      const { position } = entry;
      // Nothing is waited for that is not read: a log has a million of them.
      const head = this.#isSearched(entry.head) ? await withNumbers(entry.head, position, log) : entry.head;
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
    this.#warn(
      `The log has ${count === 1 ? 'a damaged entry' : `${count} damaged entries, the first of them`} (${quote(first)}): left out, and points that it settled are measured again.`,
    );
  }

  #isSearched(head: FactHead): head is Recorded {
    if (head.fact !== 'ResultRecorded') return false;
    const view = this.state.sweeps.get(head.record?.sweep?.id)?.view;
    return view !== undefined && view.newSearch !== null;
  }

  /** @returns null for a sweep that this release cannot go on with; its results stay readable. */
  #resumed(fact: Submitted, read?: SweepView): SweepView | null {
    try {
      const view =
        read ??
        inNamespace(
          readSweep(fact.document, fact.models, fact.repetition ?? null),
          fact.namespace ?? DEFAULT_NAMESPACE,
        );
      // An id that changed with a release would mix points of two numberings.
      if (view.sweepId === fact.sweepId) return view;
      this.#warn(
        `Sweep ${fact.sweepId} was written by another release and is now ${view.sweepId}: not resumed.`,
      );
    } catch (error) {
      this.#warn(
        `Sweep ${fact.sweepId} cannot be read any more and is not resumed: ${(error as Error).message}`,
      );
    }
    return null;
  }
}

/** A search decides by all metrics of its records, which heads do not have. */
async function withNumbers(head: Recorded, position: number, log: Log): Promise<Recorded> {
  const row = await log.get(position, 'row');
  if (row.fact.fact !== 'ResultRecorded') return head;
  return { ...head, record: { ...head.record, measurements: row.fact.record.measurements } };
}
