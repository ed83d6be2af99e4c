import type { DisaggregatedServer } from './disaggregated.js';
import { Queue } from './queue.js';
import type { Requests } from './requests.js';

/** Keys and values of computed prompts on their way to servers that decode. */
export class Handover {
  readonly #requests: Requests;
  readonly #server: DisaggregatedServer;
  /** Whose prompt is computed, in the order in which that was done. */
  readonly #queue = new Queue();
  /** Of each decoding server: requests that it has or gets, and blocks that they take in the end. */
  readonly #held: number[];
  readonly #blocks: number[];
  /** When the link of each server that computes prompts is free. */
  readonly #free: number[];
  /** Decoding servers of requests on their way or there. */
  readonly #places = new Map<number, number>();
  #onTheirWay = 0;

  constructor(requests: Requests, server: DisaggregatedServer) {
    const { prefill, decode } = server;
    this.#requests = requests;
    this.#server = server;
    this.#held = Array.from({ length: decode.replicas }, () => 0);
    this.#blocks = Array.from({ length: decode.replicas }, () => 0);
    this.#free = Array.from({ length: prefill.replicas }, () => 0);
  }

  /** Requests that no decoding server has yet. */
  get waiting(): number {
    return this.#queue.length + this.#onTheirWay;
  }

  push(request: number): void {
    this.#queue.push(request);
  }

  /** @returns the first in line and when it arrives; null where none waits, or it has no room anywhere. */
  begin(now: number): { request: number; seconds: number } | null {
    const request = this.#queue.at(0);
    if (request === undefined) return null;
    const place = this.#roomFor(request);
    if (place === null) return null;
    this.#queue.shift();
    this.#held[place]! += 1;
    this.#blocks[place]! += this.#blocksOf(request);
    this.#places.set(request, place);
    this.#onTheirWay += 1;
    const { bytesPerSecond, bytesPerToken, latencySeconds } = this.#server.link;
    const { promptTokens, server } = this.#requests;
    const from = server.at(request);
    const sent =
      Math.max(now, this.#free[from]!) + (promptTokens.at(request) * bytesPerToken) / bytesPerSecond;
    this.#free[from] = sent;
    return { request, seconds: sent + latencySeconds };
  }

  /** It has arrived. @returns the number of the decoding server that has it. */
  arrived(request: number): number {
    this.#onTheirWay -= 1;
    return this.#places.get(request)!;
  }

  /** Its answer is whole. */
  ended(request: number): void {
    const place = this.#places.get(request)!;
    this.#places.delete(request);
    this.#held[place]! -= 1;
    this.#blocks[place]! -= this.#blocksOf(request);
  }

  /** @returns the decoding server with the fewest requests that has room for all of its answer. */
  #roomFor(request: number): number | null {
    const { cacheTokens, scheduler } = this.#server.decode;
    const most = Math.floor(cacheTokens / scheduler.blockTokens);
    const needed = this.#blocksOf(request);
    let found: number | null = null;
    for (const [place, held] of this.#held.entries()) {
      if (held >= scheduler.mostSequences || this.#blocks[place]! + needed > most) continue;
      if (found === null || held < this.#held[found]!) found = place;
    }
    return found;
  }

  #blocksOf(request: number): number {
    const { promptTokens, outputTokens } = this.#requests;
    const tokens = promptTokens.at(request) + outputTokens.at(request);
    return Math.ceil(tokens / this.#server.decode.scheduler.blockTokens);
  }
}
