import type { Leadership } from './leadership.js';
import { nodesWithLeases, type SchedulerState } from './scheduler/state.js';

/**
 * Keeps beside the leader's lease which nodes may hold leases of trials: leases are not in the log, and
 * whoever leads next waits for these nodes before it grants any.
 */
export class NotedNodes {
  readonly #leadership: Leadership;
  readonly #state: SchedulerState;
  /** Nodes that the store knows. */
  #noted: ReadonlySet<string> = new Set();
  #noting: Promise<unknown> = Promise.resolve();
  /** The next noting, which all share that join while one is under way. */
  #next: Promise<void> | null = null;

  constructor(leadership: Leadership, state: SchedulerState) {
    this.#leadership = leadership;
    this.#state = state;
  }

  /** A term begins, of which the store knows these nodes. */
  begin(nodes: Iterable<string>): void {
    this.#noted = new Set(nodes);
  }

  /** Lets the store know who may hold leases of this term, before anybody new is granted one. */
  note(): Promise<void> {
    this.#next ??= this.#noting.then(() => {
      this.#next = null;
      const noting = this.#write();
      this.#noting = noting.catch(() => undefined);
      return noting;
    });
    return this.#next;
  }

  async #write(): Promise<void> {
    const { term } = this.#leadership;
    const nodes = nodesWithLeases(this.#state);
    const isNoted = nodes.size === this.#noted.size && [...nodes].every((name) => this.#noted.has(name));
    if (term === null || isNoted) return;
    await term.noteNodes([...nodes].sort());
    this.#noted = nodes;
  }

  /** Ends the term: whoever leads next waits for those nodes alone that still hold leases. */
  async resign(): Promise<void> {
    const holders = new Set([...this.#state.leases.values()].map(({ node }) => node));
    await this.#leadership.term?.resign([...holders]);
  }
}
