import { startsOf } from '../core/serving/arrivals.js';
import type { GeneratorFacts } from '../core/serving/generator.js';
import type { Arrival } from '../core/serving/requests.js';
import type { Tokenizer } from '../core/serving/tokenizer.js';
import { monotonicSeconds } from '../process/isolation/clock.js';
import { Client, type Exchange } from './client.js';
import type { EarlierTurn, Endpoint, PlannedRequest } from './endpoint.js';
import { watchGenerator } from './judge-generator.js';
import { Pacer } from './pacer.js';
import { type Counted, recordsOf } from './records.js';
import { Transport } from './transport.js';

export interface LoadOrder {
  readonly endpoint: Endpoint;
  /**
   * In the order in which they are sent, with the turns of a conversation together. Pass an array that was
   * made beforehand, because making prompts while requests are timed makes them late.
   */
  readonly requests: Iterable<PlannedRequest>;
  readonly arrival: Arrival;
  readonly seed: number;
  /** No request is sent after this time; null = until all requests were sent. */
  readonly maxSeconds: number | null;
  readonly maxRequests: number | null;
  /**
   * The most requests in flight, whatever the arrival is. Others wait, which counts in their scheduled
   * latencies; null = no limit.
   */
  readonly maxConcurrency?: number | null;
  /**
   * How long to wait for answers after the last request was sent; null = up to the endpoint's own limit.
   */
  readonly drainSeconds?: number | null;
  /** Counts tokens when the run is over; null = the server's counts are taken. */
  readonly tokenizer?: Tokenizer | null;
  readonly now?: () => number;
  /** Returns why everything should end at once; null = it should not. Called every tenth of a second. */
  readonly shouldStop?: () => string | null;
  /** Called for every request when it is sent; like `onRequest`, it must be fast. */
  readonly onSent?: () => void;
  /** Called for every request when it ends. Others are being timed, so it must be fast. */
  readonly onRequest?: (exchange: Exchange) => void;
}

export interface LoadOutcome extends Counted {
  /** The time, by the clock of the run, from which times in records count. */
  readonly originSeconds: number;
  /** When sending ended, from the origin: the last request's start, or the end of the time for it. */
  readonly sendingSeconds: number;
  /** When the last request ended, from the origin. */
  readonly endSeconds: number;
  /** Turns that were not sent because one before them failed. */
  readonly skippedTurns: number;
  /** If the run was ended because the server had gone, a clause that says so; otherwise null. */
  readonly lost: string | null;
  readonly generator: GeneratorFacts;
}

/**
 * Sends requests to a server according to an arrival process, and keeps everything that was received. Never
 * throws because of what the server does.
 */
export async function runLoad(order: LoadOrder): Promise<LoadOutcome> {
  const { endpoint, now = monotonicSeconds, tokenizer = null } = order;
  const transport = await Transport.open(endpoint);
  const client = new Client(endpoint, transport, now);
  const pacer = new Pacer(now);
  const judge = watchGenerator(now);
  const run = new Run(order, client, pacer, now);
  try {
    await run.start();
  } finally {
    pacer.close();
    client.close();
  }
  const { exchanges, origin } = run;
  const generator = judge(exchanges.map(({ due, dispatched }) => dispatched! - due));
  const last = (times: readonly (number | null)[]) =>
    times.reduce<number>((a, b) => Math.max(a, b ?? a), origin);
  const lastSent = last(exchanges.map(({ dispatched }) => dispatched));
  return {
    ...recordsOf(exchanges, endpoint, origin, tokenizer),
    originSeconds: origin,
    sendingSeconds: (run.stoppedAt ?? lastSent) - origin,
    endSeconds: last(exchanges.map(({ done }) => done)) - origin,
    skippedTurns: run.skippedTurns,
    lost: run.lost,
    generator,
  };
}

/** Requests that follow one another: the turns of a conversation, or one alone. */
type Unit = readonly PlannedRequest[];

/** A unit with the finished body of its first request. */
interface Ready {
  readonly unit: Unit;
  readonly body: Buffer;
}

/**
 * After a failure, a slot of a closed loop waits until this time after the request's start, so that a dead
 * server is not flooded with requests.
 */
const FAILURE_SECONDS = 0.1;
const ASK_MILLISECONDS = 100;
/**
 * If this many requests in a row, over this time, got no connection, the server has gone.
 */
const LOST_REQUESTS = 20;
const LOST_SECONDS = 2;

class Run {
  readonly exchanges: Exchange[] = [];
  origin = 0;
  /** The time at which sending was ended before all requests were sent; null = it was not. */
  stoppedAt: number | null = null;
  skippedTurns = 0;
  lost: string | null = null;
  /**
   * The time since which requests have got no connection, and how many were sent since then; null = the last
   * request got one.
   */
  #gone: { readonly since: number; requests: number } | null = null;
  readonly #order: LoadOrder;
  readonly #client: Client;
  readonly #pacer: Pacer;
  readonly #now: () => number;
  readonly #units: Iterator<Unit>;
  #ready: Ready | null = null;
  /** Starts that wait for their time. */
  #waiting = 0;
  /** What waits for another request to end. */
  readonly #queue: ((free: number) => void)[] = [];
  #sending = true;
  #resolve: () => void = () => {};

  constructor(order: LoadOrder, client: Client, pacer: Pacer, now: () => number) {
    this.#order = order;
    this.#client = client;
    this.#pacer = pacer;
    this.#now = now;
    this.#units = unitsOf(order.requests);
  }

  async start(): Promise<void> {
    const { arrival, maxSeconds, shouldStop, seed } = this.#order;
    const ended = new Promise<void>((resolve) => {
      this.#resolve = resolve;
    });
    this.#prepare();
    this.origin = this.#now();
    if (arrival.kind === 'closed') {
      // Slots are opened one after the other, because there may be thousands of them.
      const open = () => this.#fill(this.#now());
      for (let slot = 0; slot < arrival.concurrency; slot++) this.#scheduleAfter(this.origin, open);
    } else if (arrival.kind === 'trace') this.#follow(null);
    else this.#follow(startsOf(arrival, seed));
    if (maxSeconds !== null) this.#pacer.schedule(this.origin + maxSeconds, () => this.#stopSending());
    const look = () => {
      const reason = shouldStop?.() ?? null;
      if (reason === null) return;
      this.#stopSending();
      this.#client.stop(`The run was stopped: ${reason}.`);
    };
    const ask = shouldStop && setInterval(look, ASK_MILLISECONDS);
    this.#check();
    await ended;
    clearInterval(ask);
  }

  /** Returns the next unit with the body of its first request; null = there is none. */
  #take(): Ready | null {
    this.#prepare();
    const ready = this.#ready;
    this.#ready = null;
    return ready;
  }

  #prepare(): void {
    if (this.#ready !== null || !this.#maySend()) return;
    const { value: unit, done } = this.#units.next();
    if (!done) this.#ready = { unit, body: this.#client.bodyOf(unit[0]!, []) };
  }

  #maySend(): boolean {
    return this.#sending && this.exchanges.length < (this.#order.maxRequests ?? Number.POSITIVE_INFINITY);
  }

  /**
   * Starts units according to a schedule, each after the one before it has begun; null = at the times that
   * the requests themselves have.
   */
  #follow(starts: Iterator<number> | null): void {
    const next = this.#take();
    if (next === null) return;
    const start = starts === null ? (next.unit[0]!.atSeconds ?? 0) : starts.next().value;
    if (start === undefined) return;
    const intended = this.origin + start;
    this.#scheduleAfter(intended, () => {
      this.#send(next.unit, 0, [], next.body, intended);
      this.#follow(starts);
    });
  }

  /** Gives a slot of a closed loop its next unit. */
  #fill(intended: number, due = intended): void {
    const next = this.#take();
    if (next === null) return;
    this.#send(next.unit, 0, [], next.body, intended, due);
    setImmediate(() => this.#prepare());
  }

  #send(
    unit: Unit,
    turn: number,
    before: readonly EarlierTurn[],
    body: Buffer,
    intended: number,
    free = intended,
  ): void {
    const send = (due: number) => {
      if (!this.#maySend()) return;
      const ended = (exchange: Exchange) => this.#ended(exchange, unit, turn);
      this.exchanges.push(this.#client.send({ planned: unit[turn]!, before, body, intended, due }, ended));
      this.#order.onSent?.();
    };
    const { maxConcurrency = null } = this.#order;
    if (maxConcurrency !== null && this.#client.running >= maxConcurrency) this.#queue.push(send);
    else send(free);
  }

  #ended(exchange: Exchange, unit: Unit, turn: number): void {
    this.#order.onRequest?.(exchange);
    this.#watchConnections(exchange);
    const { planned, outcome, before, chunks } = exchange;
    const [done, freed] = [exchange.done!, exchange.freed!];
    this.#queue.shift()?.(freed);
    const next = unit[turn + 1];
    if (next !== undefined && outcome === 'complete') {
      const answer = chunks.map(({ channel, text }) => (channel === 'answer' ? text : '')).join('');
      const said = [...before, { prompt: planned.prompt, answer }];
      const body = this.#client.bodyOf(next, said);
      const intended = Math.max(done + next.thinkSeconds, this.origin + (next.atSeconds ?? 0));
      const free = Math.max(intended, freed);
      this.#scheduleAfter(free, () => this.#send(unit, turn + 1, said, body, intended, free));
    } else {
      this.skippedTurns += unit.length - turn - 1;
      // A slot stands for a user, so a conversation keeps its slot during think time.
      if (this.#order.arrival.kind === 'closed') {
        const wait = exchange.dispatched! + FAILURE_SECONDS;
        if (outcome === 'complete' || wait <= done) this.#fill(done, freed);
        else this.#scheduleAfter(wait, () => this.#fill(wait));
      }
    }
    this.#check();
  }

  /**
   * Ends a run whose server has gone. Requests that were in flight when it went do not count, because it may
   * be back for the next one.
   */
  #watchConnections({ outcome, headers, dispatched, done, problem }: Exchange): void {
    if (headers !== null) this.#gone = null;
    else if (outcome === 'refused' || outcome === 'broken') {
      this.#gone ??= { since: done!, requests: 0 };
      if (dispatched! >= this.#gone.since) this.#gone.requests += 1;
      const { since, requests } = this.#gone;
      const seconds = done! - since;
      if (this.lost !== null || requests < LOST_REQUESTS || seconds < LOST_SECONDS) return;
      this.lost = `${requests} requests in a row over ${seconds.toFixed(1)} s had no answer; the last: ${problem}`;
      this.#stopSending();
      this.#client.stop('The run was ended: the server has gone.');
    }
  }

  #scheduleAfter(seconds: number, action: () => void): void {
    if (!this.#sending) return;
    this.#waiting += 1;
    this.#pacer.schedule(seconds, () => {
      this.#waiting -= 1;
      action();
      this.#check();
    });
  }

  #stopSending(): void {
    if (!this.#sending) return;
    this.#sending = false;
    this.stoppedAt = this.#now();
    this.#pacer.close();
    this.#waiting = 0;
    this.#queue.length = 0;
    const { drainSeconds = null } = this.#order;
    if (drainSeconds !== null) {
      const reason = `The run ended before the answer, and waited ${drainSeconds} s for it.`;
      this.#pacer.schedule(this.stoppedAt + drainSeconds, () => this.#client.stop(reason));
    }
    this.#check();
  }

  #check(): void {
    if (this.#waiting === 0 && this.#queue.length === 0 && this.#client.running === 0) this.#resolve();
  }
}

/** Groups the requests of each conversation, in the order in which conversations begin. */
function* unitsOf(requests: Iterable<PlannedRequest>): Generator<Unit> {
  let unit: PlannedRequest[] = [];
  for (const request of requests) {
    const same = request.conversation !== null && unit[0]?.conversation === request.conversation;
    if (unit.length > 0 && !same) {
      yield unit;
      unit = [];
    }
    unit.push(request);
  }
  if (unit.length > 0) yield unit;
}
