import type { Link } from '../../../coordinator/log/chain.js';
import { entryOf } from '../../../coordinator/log/detail.js';
import {
  type Candidate,
  checkTerm,
  type Leader,
  type LeaseRegister,
  type Taken,
  type Term,
  takeLease,
  type Waiting,
} from '../../../coordinator/log/leadership.js';
import {
  type AppendOutcome,
  type Detail,
  type Durability,
  type EntryAt,
  type Fact,
  type Log,
  type Snapshots,
  trialOf,
} from '../../../coordinator/log/log.js';
import type { Plants } from './plants.js';
import type { Process, World } from './world.js';

interface Kept {
  readonly leader: Leader;
  readonly token: string;
  seconds: number;
  until: number;
  turn: number;
  nodes: readonly string[];
}

/** What a store of a log does, each at once and whole; its clock is the world's. */
export class Store {
  readonly world: World;
  readonly facts: Fact[] = [];
  readonly trials = new Set<string>();
  /** Token of the term that claimed it last. */
  writer: string | null = null;
  /** Frames of the snapshot that was kept last. */
  snapshot: readonly Uint8Array[] | null = null;
  lease: Kept | null = null;
  /** Nothing is answered before. */
  stalledUntil = 0;
  /** What only happens where the fence has a hole. */
  readonly violations: string[] = [];
  readonly #done = new Map<string, AppendOutcome>();
  readonly #plants: Plants;
  #tokens = 0;

  constructor(world: World, plants: Plants) {
    this.world = world;
    this.#plants = plants;
  }

  append(
    id: string,
    facts: readonly Fact[],
    expected: number,
    token: string | null,
  ): AppendOutcome | 'fenced' {
    const before = this.#done.get(id);
    if (before !== undefined) return before;
    if (token !== this.writer) {
      if (!this.#plants.noFence) return 'fenced';
      this.violations.push(`an append of the term ${token} was taken while ${this.writer} wrote`);
    }
    const position = this.facts.length;
    if (position !== expected) return { appended: false, position };
    for (const fact of facts) {
      const trial = trialOf(fact);
      if (trial !== null && this.trials.has(trial)) {
        if (!this.#plants.noDedup) continue;
      }
      if (trial !== null) this.trials.add(trial);
      this.facts.push(structuredClone(fact));
    }
    const outcome = { appended: true as const, position: this.facts.length };
    this.#done.set(id, outcome);
    return outcome;
  }

  read(): Leader | null {
    const { lease } = this;
    return lease === null || this.world.now >= lease.until ? null : lease.leader;
  }

  take({ seconds, ...leader }: Candidate): Taken | null {
    if (this.read() !== null && !this.#plants.stolenLease) return null;
    const nodesBefore = this.lease?.nodes ?? [];
    this.#tokens += 1;
    const token = `term-${this.#tokens}`;
    this.lease = { leader, token, seconds, until: this.world.now + seconds, turn: 0, nodes: nodesBefore };
    return { token, nodesBefore: this.#plants.nobodyAwaited ? [] : nodesBefore };
  }

  renew(token: string, nodes: readonly string[], turn: number): boolean {
    const { lease } = this;
    if (lease?.token !== token || this.world.now >= lease.until) return false;
    if (turn < lease.turn && !this.#plants.lateRenewals) return false;
    lease.turn = turn;
    lease.until = this.world.now + lease.seconds;
    lease.nodes = nodes;
    return true;
  }

  release(token: string, nodes: readonly string[]): void {
    const { lease } = this;
    if (lease?.token !== token) return;
    lease.until = this.world.now;
    lease.nodes = nodes;
  }
}

/** The way of a process to the store: late, lost, twice, and cut off for a while. */
export class StoreLink {
  readonly process: Process;
  readonly store: Store;
  cutUntil = 0;

  constructor(process: Process, store: Store) {
    this.process = process;
    this.store = store;
  }

  /** @throws Error after a while, where the question or its answer was lost. */
  async ask<T>(question: () => T): Promise<T> {
    const { process, store } = this;
    const { world } = process;
    const { random } = world;
    return await new Promise<T>((resolve, reject) => {
      const lost = (): boolean => world.now < this.cutUntil || random.chance(0.01);
      const late = (): number => (random.chance(0.03) ? random.between(0.2, 2) : random.between(0.001, 0.02));
      let answered = false;
      process.after(
        5,
        () => reject(new Error('the store does not answer')),
        () => answered,
      );
      if (lost()) return;
      const carry = (): void => {
        const wait = Math.max(0, store.stalledUntil - world.now);
        world.after(wait, () => {
          const answer = question();
          if (lost()) return;
          process.after(late(), () => {
            answered = true;
            resolve(answer);
          });
        });
      };
      world.after(late(), carry);
      // A retransmission that both arrive.
      if (random.chance(0.06)) world.after(late() + random.between(0, 3), carry);
    });
  }
}

/** The log as a coordinator has it, over such a link. */
export class SimulatedLog implements Log {
  readonly #link: StoreLink;
  readonly #plants: Plants;
  #appends = 0;
  #seen = 0;

  constructor(link: StoreLink, plants: Plants) {
    this.#link = link;
    this.#plants = plants;
  }

  async end(): Promise<number> {
    return await this.#link.ask(() => this.#link.store.facts.length);
  }

  async append(facts: readonly Fact[], expected: number, term?: Term): Promise<AppendOutcome> {
    const { store, process } = this.#link;
    if (term !== undefined) checkTerm(term);
    this.#appends += 1;
    const id = `${process.name} ${this.#appends} ${process.clock.now()}`;
    const token = term?.token ?? null;
    const write = () => store.append(id, facts, expected, token);
    if (this.#plants.earlyAcknowledgement) {
      void this.#link.ask(write).catch(() => undefined);
      return { appended: true, position: expected + facts.length };
    }
    for (let tried = 1; ; tried += 1) {
      try {
        const outcome = await this.#link.ask(write);
        if (outcome !== 'fenced') return outcome;
        if (term !== undefined) checkTerm(term);
        throw new Error('another has taken over');
      } catch (error) {
        if (tried === 3 || !(error as Error).message.startsWith('the store')) throw error;
        // Whether it is there is told by its id: as the logs tell it by their checksums.
        if (term !== undefined) checkTerm(term);
      }
    }
  }

  async *read<D extends Detail>(after: number, detail: D): AsyncGenerator<EntryAt<D>> {
    const { store, process } = this.#link;
    const stale = this.#plants.staleReads && process.world.random.chance(0.5) ? this.#seen : null;
    const facts = await this.#link.ask(() => store.facts.slice(after, stale ?? store.facts.length));
    this.#seen = Math.max(this.#seen, after + facts.length);
    for (const [index, fact] of facts.entries()) {
      const position = after + index + 1;
      if (this.#plants.skippingReader && fact.fact === 'ResultRecorded' && process.world.random.chance(0.2))
        continue;
      yield entryOf(position, fact, detail);
    }
  }

  // biome-ignore lint/correctness/useYield: nobody follows here
  async *follow<D extends Detail>(): AsyncGenerator<EntryAt<D>> {
    throw new Error('nobody follows here');
  }

  async get<D extends Detail>(position: number, detail: D): Promise<EntryAt<D>> {
    const fact = await this.#link.ask(() => this.#link.store.facts[position - 1]);
    if (fact === undefined) throw new Error(`there is no entry ${position}`);
    return entryOf(position, fact, detail);
  }

  async *links(after: number): AsyncGenerator<Link> {
    const last = after + 1;
    // A store has one history: an entry is known by where it is.
    const there = await this.#link.ask(() => last <= this.#link.store.facts.length);
    if (there) yield { first: last, last, content: [], chain: `entry ${last}` };
  }

  get snapshots(): Snapshots {
    const { store } = this.#link;
    const ask = <T>(question: () => T) => this.#link.ask(question);
    return {
      async read() {
        const frames = await ask(() => store.snapshot);
        return frames === null ? null : each(frames);
      },
      async begin() {
        const frames: Uint8Array[] = [];
        return {
          add: async (bytes) => void frames.push(bytes),
          keep: () =>
            ask(() => {
              store.snapshot = frames;
            }),
          drop: async () => undefined,
        };
      },
    };
  }

  async lead(candidate: Candidate, waiting: Waiting): Promise<Term> {
    const { store, process } = this.#link;
    const register: LeaseRegister = {
      read: () => this.#link.ask(() => (this.#plants.stolenLease ? null : store.read())),
      take: (asked) => this.#link.ask(() => store.take(asked)),
      renew: (token, nodes, turn) =>
        this.#link.ask(() =>
          store.renew(token, this.#plants.nodesNotNoted ? (store.lease?.nodes ?? []) : nodes, turn),
        ),
      release: (token, nodes) => this.#link.ask(() => store.release(token, nodes)),
    };
    const term = await takeLease(register, candidate, waiting, process.clock);
    await this.#link
      .ask(() => {
        // As an expected sequence number or a row says it: only behind terms that are over.
        if (store.lease?.token === term.token || store.lease === null) store.writer = term.token;
      })
      .catch(async (error: unknown) => {
        await term.resign(term.nodesBefore);
        throw error;
      });
    checkTerm(term);
    return this.#plants.endlessTerm ? endless(term) : term;
  }

  async durability(): Promise<Durability> {
    return { level: 'synced', sentence: 'What is there stays there.' };
  }

  async probe(): Promise<void> {
    await this.#link.ask(() => undefined);
  }

  async close(): Promise<void> {}
}

async function* each<T>(list: readonly T[]): AsyncGenerator<T> {
  yield* list;
}

/** A term that never notices its end. */
function endless(term: Term): Term {
  return {
    token: term.token,
    nodesBefore: term.nodesBefore,
    lasts: true,
    over: new AbortController().signal,
    noteNodes: (nodes) => term.noteNodes(nodes).catch(() => undefined),
    resign: (nodes) => term.resign(nodes),
  };
}
