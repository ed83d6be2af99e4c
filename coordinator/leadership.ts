import type { Failure } from '../core/errors.js';
import { WireError } from '../proto/errors.js';
import { ChangeSignal } from './log/change-signal.js';
import type { Leader, Term } from './log/leadership.js';

/** Who leads, as far as this coordinator knows: itself, another, or nobody that it has heard of. */
export class Leadership {
  /** Wakes those who follow it. */
  readonly changes = new ChangeSignal();
  #term: Term | null = null;
  #leader: Leader | null = null;
  /** Why it led no more, the last time. */
  #ended: string | null = null;
  #storeAway: Failure | null = null;

  /** The term under which this coordinator leads; null while it is a standby. */
  get term(): Term | null {
    return this.#term?.lasts === true ? this.#term : null;
  }

  get leads(): boolean {
    return this.term !== null;
  }

  /** Who leads, this one or another; null = nobody is known. */
  get leader(): Leader | null {
    return this.#leader;
  }

  /** Why the store of the log does not say who leads; null = it does. */
  get storeAway(): Failure | null {
    return this.#storeAway;
  }

  /** @throws WireError `unavailable` with the address of the coordinator that leads. */
  check(): Term {
    const term = this.term;
    if (term !== null) return term;
    const leader = this.#term === null ? this.#leader?.grpc : undefined;
    const details = leader === undefined ? [] : ['`--coordinator` takes several addresses: A,B,C.'];
    throw new WireError('unavailable', this.sentence, details, { leader, passes: true });
  }

  /**
   * Why nothing that needs the log can be asked: it is away, or no coordinator leads; null = it can be asked.
   */
  get trouble(): string | null {
    return this.#storeAway === null && this.#leader !== null ? null : this.sentence;
  }

  /** Why nothing is written or leased here. */
  get sentence(): string {
    if (this.#storeAway !== null) return this.#storeAway.message;
    if (this.#term !== null) return 'This coordinator leads no more: its lease ran out.';
    if (this.#leader !== null)
      return `The coordinator at ${this.#leader.grpc} leads: this one answers reads.`;
    return `No coordinator leads at this moment${this.#ended === null ? '' : ` (${this.#ended})`}: ask again in a few seconds.`;
  }

  /** Another leads, or nobody. */
  learnLeader(leader: Leader | null): void {
    const same = JSON.stringify(leader) === JSON.stringify(this.#leader) && this.#storeAway === null;
    if (this.#term !== null || same) return;
    this.#storeAway = null;
    this.#leader = leader;
    this.changes.notify();
  }

  /** Nobody knows who leads: the store does not answer. Whoever led cannot do anything that needs it. */
  unheard(reason: Failure): void {
    const before = this.#storeAway;
    this.#storeAway = reason;
    if (this.#term === null) this.#leader = null;
    if (before === null) this.changes.notify();
  }

  /** This one leads. */
  took(term: Term, leader: Leader): void {
    this.#term = term;
    this.#storeAway = null;
    this.#leader = leader;
    this.changes.notify();
  }

  /** It leads no more. */
  ended(why: string): void {
    this.#term = null;
    this.#leader = null;
    this.#ended = why;
    this.changes.notify();
  }
}
