import { Batch } from './batch.js';
import { BlockCache } from './cache/block-cache.js';
import { PassSeconds } from './pass-seconds.js';
import { Queue } from './queue.js';
import type { Requests } from './requests.js';
import type { Policy } from './schedulers/scheduler.js';
import type { BatchingServer } from './server.js';
import { Timeline } from './timeline.js';

/** What a replica tells of its steps and requests. */
export interface Listener {
  /** A step begins: who takes part in it runs, and the others wait. */
  composed(seconds: number): void;
  ended(request: number, seconds: number): void;
  refused(request: number, seconds: number): void;
}

/**
 * Steps that are timed as one: by the context in their middle, while it grows by a sixteenth at most. The
 * time of a step hardly bends over so little.
 */
const GROWS_BY = 16;
const FEWEST_TOGETHER = 8;

/** One server on its own clock. */
export class Replica {
  readonly batch: Batch;
  readonly timeline = new Timeline();
  /** The end of its last step, in seconds. */
  clock = 0;
  steps = 0;
  /** Requests that it has and has not ended. */
  unfinished = 0;
  /** Seconds that it computed. */
  busySeconds = 0;
  readonly #server: BatchingServer;
  readonly #policy: Policy;
  readonly #times: PassSeconds;
  readonly #listener: Listener;
  /** Requests that have come, in the order in which they did, and that no step was put together with yet. */
  readonly #incoming = new Queue();
  /** When the step was put together that has just passed; NaN = none has. */
  #lastStart = Number.NaN;
  /** Nobody starts until a request that was handed over gives its room back. */
  #waitsForRoom = false;
  readonly #oneStep: boolean;
  readonly #began: (request: number) => void;
  readonly #ended: (request: number) => void;

  /** @param oneStep every step is timed for itself: slow, and what runs of steps are judged by. */
  constructor(requests: Requests, server: BatchingServer, listener: Listener, oneStep: boolean) {
    const { scheduler, step } = server;
    this.#server = server;
    this.#listener = listener;
    this.#oneStep = oneStep;
    this.batch = new Batch(
      requests,
      new BlockCache(server.cacheTokens, scheduler.blockTokens, scheduler.keepsTexts),
      scheduler.handsOver,
    );
    this.#policy = scheduler.begin(server.cacheTokens);
    this.#times = new PassSeconds(step, scheduler.passTokens);
    this.#began = (request) => requests.beginStretch(request, this.clock);
    this.#ended = (request) => {
      this.unfinished -= 1;
      this.#policy.ended?.(this.batch, request);
      listener.ended(request, this.clock);
    };
  }

  /** It has something to compute. */
  get works(): boolean {
    return this.unfinished > 0 && !this.#waitsForRoom;
  }

  get waiting(): number {
    return this.batch.waiting.length + this.#incoming.length;
  }

  /** @returns a clause why it never computes such a request; null = it does. */
  refusal(promptTokens: number, outputTokens: number): string | null {
    const { blocks, blockTokens } = this.batch.cache;
    const { scheduler } = this.#server;
    const ownTokens = scheduler.handsOver === true ? 1 : outputTokens;
    return scheduler.refusal(promptTokens, ownTokens, blocks * blockTokens);
  }

  arrive(request: number, seconds: number): void {
    if (this.unfinished === 0 && seconds > this.clock) {
      this.clock = seconds;
      this.#lastStart = Number.NaN;
    }
    this.unfinished += 1;
    this.batch.requests.reached.set(request, seconds);
    this.#incoming.push(request);
  }

  /** Another server has the keys and values of a request: who waits for their room may start. */
  release(request: number, seconds: number): void {
    this.batch.release(request);
    if (!this.#waitsForRoom) return;
    this.#waitsForRoom = false;
    this.clock = Math.max(this.clock, seconds);
  }

  /** A request that has come and has not ended is given up, between two steps. */
  drop(request: number): void {
    this.unfinished -= 1;
    if (!this.#incoming.remove(request) && this.batch.drop(request))
      this.#policy.ended?.(this.batch, request);
  }

  /**
   * Computes the next step, and as many like it as nothing comes between.
   * @param horizon when somebody may come, in seconds: a step that begins then is put together anew.
   * @param most steps.
   */
  advance(horizon: number, most: number): void {
    const { batch } = this;
    this.#see();
    batch.begin();
    this.#policy.compose(batch);
    if (batch.tokens === 0) {
      this.#rest();
      return;
    }
    this.#listener.composed(this.clock);
    const { scheduled } = batch.requests;
    for (const { request } of batch.pieces)
      if (Number.isNaN(scheduled.at(request))) scheduled.set(request, this.clock);
    const steps = this.#stepsTogether(horizon, most);
    const seconds = this.#secondsOf((steps - 1) / 2);
    if (batch.decodes) this.timeline.push(batch.decodeSteps, this.clock, seconds);
    this.#lastStart = this.clock + (steps - 1) * seconds;
    this.clock += steps * seconds;
    this.steps += steps;
    this.busySeconds += steps * seconds;
    this.#policy.passed?.(batch, steps);
    batch.finishStep(steps, this.#began, this.#ended);
  }

  #secondsOf(further: number): number {
    return this.#times.secondsOf(this.batch, further, this.#policy.passes?.(this.batch) ?? null);
  }

  #stepsTogether(horizon: number, most: number): number {
    const { batch } = this;
    if (batch.pieces.length > 0 || this.#oneStep || this.#incoming.length > 0) return 1;
    const context = batch.contextTokens / batch.decoding.length;
    const alike = Math.max(FEWEST_TOGETHER, Math.floor(context / GROWS_BY));
    const steps = batch.repeats(Math.min(most, alike, this.#policy.repeats(batch)));
    if (steps === 1 || horizon === Number.POSITIVE_INFINITY) return steps;
    const seconds = this.#secondsOf(0);
    const ahead = this.#server.scheduler.decidesAhead ? 1 : 0;
    return Math.max(1, Math.min(steps, Math.ceil((horizon - this.clock) / seconds) + ahead));
  }

  /**
   * Lets in who had come when the step was put together: with the step before, where that was done ahead.
   * Some engines do not look before every step.
   */
  #see(): void {
    if (this.#policy.looks?.(this.batch) === false) return;
    const { decidesAhead } = this.#server.scheduler;
    const seen = decidesAhead && !Number.isNaN(this.#lastStart) ? this.#lastStart : this.clock;
    const { reached } = this.batch.requests;
    while (this.#incoming.length > 0 && reached.at(this.#incoming.at(0)!) <= seen)
      this.batch.waiting.push(this.#incoming.shift()!);
  }

  /** Nothing was computed: who has come is seen at once, and who never fits is refused. */
  #rest(): void {
    const { batch } = this;
    this.#lastStart = Number.NaN;
    if (this.#incoming.length > 0) return;
    if (batch.handedOver > 0) {
      this.#waitsForRoom = true;
      return;
    }
    if (batch.running > 0)
      throw new Error(`${this.#server.scheduler.engine}: requests run that get no token`);
    const request = batch.waiting.shift();
    if (request === undefined) return;
    this.unfinished -= 1;
    this.#listener.refused(request, this.clock);
  }
}
