import { type FailureError, failed } from '../../core/errors.js';
import { systemClock, type Timer } from '../clock.js';

/** Where a coordinator is reached. */
export interface Addresses {
  /** `host:port`, for agents and tools. */
  readonly grpc: string;
  /** URL of its web view; null = it has none. */
  readonly web: string | null;
}

/** Who leads a log, or wants to. */
export interface Leader extends Addresses {
  /** Random for each start of a coordinator. */
  readonly holder: string;
}

export interface Candidate extends Leader {
  /** How long it leads without renewing that. */
  readonly seconds: number;
}

export interface Waiting {
  /** Ends the wait. */
  readonly signal: AbortSignal;
  /** Told who leads, each time it was looked at; null = nobody. */
  readonly onLeader: (leader: Leader | null) => void;
  /** Told why the store does not say who leads. */
  readonly unheard?: (reason: unknown) => void;
}

/** The right to append to a log and to lease what follows from it; one coordinator has it at a time. */
export interface Term {
  /** Fresh for each acquisition. */
  readonly token: string;
  /** Nodes that may hold leases of terms before: their trials may still run. */
  readonly nodesBefore: readonly string[];
  /**
   * Whether it lasts, by this machine's monotonic clock. It stops before the store can give the log to
   * another, also where this process was stopped meanwhile and no timer has come yet.
   */
  readonly lasts: boolean;
  /** Aborts with a FailureError when it is over. */
  readonly over: AbortSignal;
  /**
   * Resolves when the store knows that these nodes may hold leases of this term.
   * @throws FailureError when it is over before.
   */
  noteNodes(nodes: readonly string[]): Promise<void>;
  /** Ends it, so that another coordinator need not wait. @param nodes that still hold leases */
  resign(nodes: readonly string[]): Promise<void>;
}

/** Of a term that is over. */
function overError(why: string): FailureError {
  return failed(
    'internal',
    `This coordinator leads no more: ${why}.`,
    'Ask the coordinator that leads; this one goes on reading, and leads again when it is its turn.',
  );
}

/** @throws what a term ended with, if it does not last. */
export function checkTerm(term: Term): void {
  if (term.lasts) return;
  throw term.over.aborted ? term.over.reason : overError('its lease ran out');
}

/**
 * @returns what work gives.
 * @throws what the term ended with as soon as it is over, whatever is still waited for.
 */
export async function untilOver<T>(work: Promise<T>, term: Term | undefined): Promise<T> {
  if (term === undefined) return await work;
  const { over } = term;
  let ended = (): void => {};
  try {
    checkTerm(term);
    const end = new Promise<never>((_, reject) => {
      ended = () => reject(over.reason);
      over.addEventListener('abort', ended, { once: true });
    });
    return await Promise.race([work, end]);
  } finally {
    over.removeEventListener('abort', ended);
    // Where the term was faster, or over before, nobody waits for it any more.
    work.catch(() => undefined);
  }
}

/** The term of a log that only one process can open: nobody else ends it. */
export class OwnTerm implements Term {
  readonly token: string;
  readonly nodesBefore: readonly string[];
  readonly #over = new AbortController();
  readonly #keep: (nodes: readonly string[]) => Promise<void>;

  /** @param keep writes down which nodes may hold leases */
  constructor(
    { holder }: Leader,
    nodesBefore: readonly string[] = [],
    keep: (nodes: readonly string[]) => Promise<void> = async () => {},
  ) {
    this.token = holder;
    this.nodesBefore = nodesBefore;
    this.#keep = keep;
  }

  get lasts(): boolean {
    return !this.#over.signal.aborted;
  }

  get over(): AbortSignal {
    return this.#over.signal;
  }

  async noteNodes(nodes: readonly string[]): Promise<void> {
    await this.#keep(nodes);
  }

  async resign(nodes: readonly string[]): Promise<void> {
    if (!this.lasts) return;
    const kept = this.#keep(nodes);
    this.#over.abort(overError('it has resigned'));
    await kept;
  }
}

/** A lease that was taken. */
export interface Taken {
  /** Fresh; in every write under it. */
  readonly token: string;
  /** As noted by the holders before. */
  readonly nodesBefore: readonly string[];
}

/**
 * Where a store that several coordinators share keeps who leads: one entry, which changes by compare-and-set
 * alone, and runs out by the store's own clock.
 */
export interface LeaseRegister {
  /** @returns whose lease it is; null = nobody's, or it has run out. */
  read(): Promise<Leader | null>;
  /** @returns null when somebody else has it, or was faster. */
  take(candidate: Candidate): Promise<Taken | null>;
  /**
   * Makes it last for its seconds from now on.
   * @param turn rises: a renewal that comes behind a later one of its term, as over a connection that had
   *   been given up, changes nothing.
   * @returns false when it is not the holder's any more.
   */
  renew(token: string, nodes: readonly string[], turn: number): Promise<boolean>;
  /** Lets go of it, where it is still the holder's. */
  release(token: string, nodes: readonly string[]): Promise<void>;
}

/** A standby looks this often whether the lease is free. */
const LOOK_SECONDS = 0.25;
/**
 * Of a lease: how often it is renewed, and how long before its end by our clock nothing is done by it any
 * more.
 */
const RENEW_SHARE = 0.25;
const MARGIN_SHARE = 0.15;
const AGAIN_SECONDS = 0.1;

/** Waits for the lease and takes it. @throws the reason of `waiting.signal` */
export async function takeLease(
  register: LeaseRegister,
  candidate: Candidate,
  { signal, onLeader, unheard }: Waiting,
  timer: Timer = systemClock,
): Promise<LeasedTerm> {
  for (;;) {
    signal.throwIfAborted();
    // A store that does not answer now is asked again: it says nothing about who leads.
    const leader = await register.read().catch((error: unknown) => {
      unheard?.(error);
      return undefined;
    });
    signal.throwIfAborted();
    if (leader !== undefined) onLeader(leader);
    if (leader === null) {
      const asked = timer.now();
      const taken = await register.take(candidate).catch(() => null);
      if (taken !== null) return new LeasedTerm(register, candidate, taken, asked, timer);
    }
    await timer.wait(LOOK_SECONDS, signal);
  }
}

/**
 * A term by a lease that is renewed until it is lost. A renewal that comes late or fails is lost authority.
 */
export class LeasedTerm implements Term {
  readonly token: string;
  readonly nodesBefore: readonly string[];
  readonly #register: LeaseRegister;
  readonly #timer: Timer;
  readonly #seconds: number;
  readonly #over = new AbortController();
  #hurry = new AbortController();
  #until: number;
  #nodes: readonly string[];
  #turn = 0;
  /** Notes that wait for the renewal that carries them. */
  #notes: { resolve(): void; reject(reason: unknown): void }[] = [];

  /** @param asked when the lease was asked for, which is before it began. */
  constructor(
    register: LeaseRegister,
    { seconds }: Candidate,
    { token, nodesBefore }: Taken,
    asked: number,
    timer: Timer,
  ) {
    this.#register = register;
    this.#timer = timer;
    this.#seconds = seconds;
    this.token = token;
    this.nodesBefore = nodesBefore;
    // Until each of them is back they may hold what they held.
    this.#nodes = nodesBefore;
    this.#until = this.#end(asked);
    void this.#renew();
  }

  get lasts(): boolean {
    return !this.over.aborted && this.#timer.now() < this.#until;
  }

  get over(): AbortSignal {
    return this.#over.signal;
  }

  async noteNodes(nodes: readonly string[]): Promise<void> {
    checkTerm(this);
    this.#nodes = nodes;
    await new Promise<void>((resolve, reject) => {
      this.#notes.push({ resolve, reject });
      this.#hurry.abort();
    });
  }

  async resign(nodes: readonly string[]): Promise<void> {
    if (!this.lasts) return;
    this.lose('it has resigned');
    await this.#register.release(this.token, nodes).catch(() => undefined);
  }

  /** Somebody has learned that it is over. */
  lose(why: string): void {
    if (this.over.aborted) return;
    const error = overError(why);
    this.#over.abort(error);
    this.#hurry.abort();
    for (const { reject } of this.#notes.splice(0)) reject(error);
  }

  #end(asked: number): number {
    return asked + this.#seconds * (1 - MARGIN_SHARE);
  }

  async #renew(): Promise<void> {
    let pause = this.#seconds * RENEW_SHARE;
    while (!this.over.aborted) {
      await this.#timer.wait(pause, this.#hurry.signal);
      this.#hurry = new AbortController();
      if (this.over.aborted) return;
      const asked = this.#timer.now();
      if (asked >= this.#until) return this.lose('its lease was not renewed in time');
      const notes = this.#notes.splice(0);
      const renewed = await this.#inTime(this.#register.renew(this.token, this.#nodes, ++this.#turn));
      if (renewed === true) {
        this.#until = this.#end(asked);
        for (const { resolve } of notes) resolve();
      } else {
        this.#notes.unshift(...notes);
        if (renewed === false) return this.lose('another has taken over');
      }
      pause = renewed === true && this.#notes.length === 0 ? this.#seconds * RENEW_SHARE : AGAIN_SECONDS;
    }
    for (const { reject } of this.#notes.splice(0)) reject(this.over.reason);
  }

  /** @returns null when the store does not answer, or not before the lease has run out. */
  async #inTime(answer: Promise<boolean>): Promise<boolean | null> {
    const answered = new AbortController();
    try {
      const late = this.#timer.wait(Math.max(0, this.#until - this.#timer.now()), answered.signal);
      return await Promise.race([answer.catch(() => null), late.then(() => null)]);
    } finally {
      answered.abort();
    }
  }
}
