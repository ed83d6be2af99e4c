import { type Listener, Replica } from './replica.js';
import type { TokenRequest } from './request.js';
import { Requests } from './requests.js';
import type { BatchingServer } from './server.js';

/** What a server computed in one step, as it is at the step's end. */
export interface ServerStep {
  readonly endSeconds: number;
  /** Requests that have one token more. Those that have all of theirs run no longer. */
  readonly answered: readonly number[];
}

/**
 * One replica of a server that is taken step by step: whoever asks keeps the clock, such as a simulated
 * server that answers real clients.
 */
export class SteppedServer implements Listener {
  /** Whose times these are, and how the server is started: a clause. */
  readonly says: string;
  /** That the host takes of a request on its way to the engine. */
  readonly requestSeconds: number;
  readonly #requests = new Requests();
  readonly #replica: Replica;
  #answered: number[] = [];

  constructor(says: string, server: BatchingServer) {
    this.says = says;
    this.requestSeconds = server.requestSeconds;
    this.#replica = new Replica(this.#requests, server, this, true);
  }

  get running(): number {
    return this.#replica.batch.running;
  }

  get waiting(): number {
    return this.#replica.waiting;
  }

  /** @returns a clause why it never computes such a request; null = it does. */
  refusal(promptTokens: number, outputTokens: number): string | null {
    return this.#replica.refusal(promptTokens, outputTokens);
  }

  /** @returns the number by which steps call it. */
  arrive(request: TokenRequest, seconds: number): number {
    const replica = this.#replica;
    // Whoever comes before the next step is put together is seen, though the clock of steps may lag behind.
    const seen = replica.unfinished === 0 ? seconds : Math.min(seconds, replica.clock);
    const id = this.#requests.add(request, seen, seen, seen);
    replica.arrive(id, seen);
    return id;
  }

  /** Its client is gone. */
  leave(request: number): void {
    if (!Number.isNaN(this.#requests.done.at(request))) return;
    this.#requests.done.set(request, this.#replica.clock);
    this.#replica.drop(request);
    this.#requests.forgetTexts(request);
  }

  /** @returns prompt tokens of a request that were in the cache when it started. */
  cachedTokens(request: number): number {
    return this.#requests.cachedTokens.at(request);
  }

  /** Puts the next step together and computes it; null where nothing waits or runs. */
  step(): ServerStep | null {
    const replica = this.#replica;
    while (replica.unfinished > 0) {
      const { steps } = replica;
      replica.advance(replica.clock, 1);
      if (replica.steps > steps) return { endSeconds: replica.clock, answered: this.#answered };
    }
    return null;
  }

  composed(): void {
    const { batch } = this.#replica;
    this.#answered = batch.decodes ? [...batch.decoding] : [];
    for (const { request, newTokens } of batch.pieces)
      if (batch.leftOf(request) === newTokens) this.#answered.push(request);
  }

  ended(request: number, seconds: number): void {
    this.#requests.done.set(request, seconds);
    this.#requests.forgetTexts(request);
  }

  /** It has no room: its client hears nothing until it leaves. */
  refused(request: number, seconds: number): void {
    this.ended(request, seconds);
  }
}
