import { drawFrom } from '../statistics/draw.js';

/** What an engine puts into a step. */
export interface Policy {
  /** Pieces of prompts and decodes are computed in one step; otherwise prompts come first. */
  readonly mixes: boolean;
  /** A prompt may be cut into pieces of several steps. */
  readonly cuts: boolean;
  /** A request starts once the cache has room for its whole answer; otherwise the last to start gives way. */
  readonly reserves: boolean;
}

export const POLICIES: Readonly<Record<string, Policy>> = {
  vllm: { mixes: true, cuts: true, reserves: false },
  sglang: { mixes: false, cuts: true, reserves: true },
  trtllm: { mixes: true, cuts: false, reserves: true },
};

/** Clients that each ask again as soon as they are answered, and the room of the server. */
export interface ClosedLoop {
  readonly policy: Policy;
  readonly clients: number;
  readonly requests: number;
  readonly promptTokens: number;
  readonly answerTokens: number;
  /** Lengths are drawn evenly from this share up to 1. */
  readonly shortest: number;
  readonly stepTokens: number;
  /** That fit into the cache. */
  readonly cacheTokens: number;
  readonly mostSequences: number;
  readonly waiting: { readonly steps: number; readonly share: number } | null;
}

export interface PromptPiece {
  readonly newTokens: number;
  readonly cachedTokens: number;
}

/** How long a step takes on the device alone. */
export type StepSeconds = (decodes: number, contextTokens: number, chunks: readonly PromptPiece[]) => number;

/**
 * A time as what it is made of. Which steps there are does not depend on how long they take, for clients ask
 * when they are answered: so times of the host are added afterwards.
 */
export interface Spent {
  readonly deviceSeconds: number;
  readonly steps: number;
  /** Σ over the steps of sequences in each. */
  readonly sequences: number;
}

/** Means over requests: to the first token, and for each one after it. */
export interface LoopTimes {
  readonly first: Spent;
  readonly perToken: Spent;
  /** Sequences in a step, weighed by its time. */
  readonly meanSequences: number;
}

const SEED = 43;

/** Simulates a server step by step. */
export function runClosedLoop(loop: ClosedLoop, secondsOf: StepSeconds): LoopTimes {
  return new Simulation(loop, secondsOf).run();
}

class Simulation {
  readonly #loop: ClosedLoop;
  readonly #secondsOf: StepSeconds;
  readonly #prompts: Float64Array;
  readonly #answers: Float64Array;
  /** Of each request: tokens that it has, and sums at its arrival and at its first token. */
  readonly #made: Float64Array;
  readonly #arrival: Clock[] = [];
  readonly #begun: Clock[] = [];

  /** Requests that wait, from `#front` on. */
  #waiting: number[] = [];
  #front = 0;
  #next = 0;
  /** Requests whose prompts are computed in part, with what is computed and what there is. */
  #partly: { readonly request: number; done: number; readonly all: number }[] = [];
  /** Decoding requests, in the order they started, and the decode step at which each ends. */
  readonly #decoding: number[] = [];
  readonly #ends: Float64Array;
  #step = 0;
  #context = 0;
  #used = 0;
  #waited = 0;
  #seconds = 0;
  #steps = 0;
  #sequences = 0;
  #busy = 0;
  #finished = 0;
  readonly #first = { deviceSeconds: 0, steps: 0, sequences: 0 };
  readonly #later = { deviceSeconds: 0, steps: 0, sequences: 0 };

  constructor(loop: ClosedLoop, secondsOf: StepSeconds) {
    this.#loop = loop;
    this.#secondsOf = secondsOf;
    const { uniform } = drawFrom(SEED);
    const drawn = (most: number) => {
      const least = Math.floor(most * loop.shortest);
      return Float64Array.from(
        { length: loop.requests },
        () => least + Math.floor(uniform() * (most - least + 1)),
      );
    };
    this.#prompts = drawn(loop.promptTokens);
    this.#answers = drawn(loop.answerTokens);
    this.#made = new Float64Array(loop.requests);
    this.#ends = new Float64Array(loop.requests);
  }

  run(): LoopTimes {
    const { clients, requests } = this.#loop;
    for (let client = 0; client < clients; client++) this.#arrive();
    while (this.#finished < requests) {
      const pieces = this.#mayStart() ? this.#startPrompts() : [];
      if (pieces.length > 0) this.#computePrompts(pieces);
      else this.#decode();
    }
    const spent = (sum: Clock): Spent => ({
      deviceSeconds: sum.deviceSeconds / requests,
      steps: sum.steps / requests,
      sequences: sum.sequences / requests,
    });
    return {
      first: spent(this.#first),
      perToken: spent(this.#later),
      meanSequences: this.#busy / this.#seconds,
    };
  }

  #arrive(): void {
    if (this.#next >= this.#loop.requests) return;
    this.#arrival[this.#next] = this.#clock();
    this.#waiting.push(this.#next);
    this.#next += 1;
  }

  #clock(): Clock {
    return { deviceSeconds: this.#seconds, steps: this.#steps, sequences: this.#sequences };
  }

  #mayStart(): boolean {
    const { waiting, stepTokens } = this.#loop;
    if (waiting === null || this.#decoding.length === 0 || this.#partly.length > 0) return true;
    if (this.#waited >= waiting.steps) return true;
    let tokens = this.#decoding.length;
    for (let i = this.#front; i < this.#waiting.length; i++) tokens += this.#prompts[this.#waiting[i]!]!;
    return tokens >= waiting.share * stepTokens;
  }

  /** @returns pieces of prompts for the next step, whose requests have room. */
  #startPrompts(): Piece[] {
    const { policy, stepTokens, cacheTokens, mostSequences } = this.#loop;
    const pieces: Piece[] = [];
    let room = stepTokens - (policy.mixes ? this.#decoding.length : 0);
    let running = this.#decoding.length + this.#partly.length;
    for (const part of this.#partly) {
      if (room <= 0) break;
      const newTokens = Math.min(room, part.all - part.done);
      pieces.push({ part, newTokens, cachedTokens: part.done });
      room -= newTokens;
    }
    while (room > 0 && this.#front < this.#waiting.length && running < mostSequences) {
      const request = this.#waiting[this.#front]!;
      const all = this.#prompts[request]! + this.#made[request]!;
      const needed = policy.reserves ? this.#prompts[request]! + this.#answers[request]! : all;
      if (this.#used + needed > cacheTokens && running > 0) break;
      // A prompt longer than any step runs alone.
      if (!policy.cuts && all > room && (pieces.length > 0 || all <= stepTokens)) break;
      const part = { request, done: 0, all };
      const newTokens = policy.cuts ? Math.min(room, all) : all;
      pieces.push({ part, newTokens, cachedTokens: 0 });
      room -= newTokens;
      this.#partly.push(part);
      this.#used += needed;
      this.#front += 1;
      running += 1;
    }
    return pieces;
  }

  #computePrompts(pieces: readonly Piece[]): void {
    const { policy } = this.#loop;
    const decodes = policy.mixes ? this.#decoding.length : 0;
    this.#waited = 0;
    this.#pass(
      1,
      this.#secondsOf(decodes, decodes === 0 ? 0 : this.#context / decodes, pieces),
      decodes + pieces.length,
    );
    if (decodes > 0) this.#advance(1);
    for (const { part, newTokens } of pieces) {
      part.done += newTokens;
      if (part.done >= part.all) this.#begin(part.request, part.all);
    }
    this.#partly = this.#partly.filter(({ done, all }) => done < all);
  }

  /** The prompt is computed, and the step gave a token. */
  #begin(request: number, tokens: number): void {
    if (this.#begun[request] === undefined) {
      this.#begun[request] = this.#clock();
      add(this.#first, this.#clock(), this.#arrival[request]!, 1);
    }
    this.#made[request]! += 1;
    this.#ends[request] = this.#step + this.#answers[request]! - this.#made[request]!;
    this.#decoding.push(request);
    this.#context += tokens + 1;
    if (!this.#loop.policy.reserves) this.#used += 1;
    if (this.#ends[request]! <= this.#step) this.#leave();
  }

  /** Steps of decodes alone, until a request ends or there is something else to do. */
  #decode(): void {
    const { policy, waiting, cacheTokens } = this.#loop;
    const decodes = this.#decoding.length;
    if (decodes === 0) throw new Error('a prompt that no step has room for');
    let steps = Number.POSITIVE_INFINITY;
    for (const request of this.#decoding) steps = Math.min(steps, this.#ends[request]! - this.#step);
    const delayed = waiting !== null && this.#front < this.#waiting.length;
    if (delayed && this.#waited < waiting.steps) steps = Math.min(steps, waiting.steps - this.#waited);
    if (!policy.reserves) {
      while (this.#used + this.#decoding.length > cacheTokens && this.#decoding.length > 1) this.#giveWay();
      const left = Math.floor((cacheTokens - this.#used) / this.#decoding.length);
      steps = Math.max(1, Math.min(steps, left));
    }
    const running = this.#decoding.length;
    const context = this.#context / running + steps / 2;
    this.#pass(steps, steps * this.#secondsOf(running, context, []), steps * running);
    if (delayed) this.#waited += steps;
    this.#advance(steps);
  }

  #pass(steps: number, seconds: number, sequences: number): void {
    this.#seconds += seconds;
    this.#steps += steps;
    this.#sequences += sequences;
    this.#busy += (seconds * sequences) / steps;
  }

  #advance(steps: number): void {
    this.#step += steps;
    this.#context += steps * this.#decoding.length;
    if (!this.#loop.policy.reserves) this.#used += steps * this.#decoding.length;
    this.#leave();
  }

  #leave(): void {
    for (let i = this.#decoding.length - 1; i >= 0; i--) {
      const request = this.#decoding[i]!;
      if (this.#ends[request]! > this.#step) continue;
      this.#decoding.splice(i, 1);
      const held = this.#prompts[request]! + this.#answers[request]!;
      this.#context -= held;
      this.#used -= held;
      const tokens = this.#answers[request]! - 1;
      if (tokens > 0) add(this.#later, this.#clock(), this.#begun[request]!, 1 / tokens);
      this.#finished += 1;
      this.#arrive();
    }
  }

  /** The request that started last gives its cache back, and is computed again later. */
  #giveWay(): void {
    const request = this.#decoding.pop()!;
    const left = this.#ends[request]! - this.#step;
    this.#made[request] = this.#answers[request]! - left;
    const held = this.#prompts[request]! + this.#made[request]!;
    this.#context -= held;
    this.#used -= held;
    this.#front -= 1;
    this.#waiting[this.#front] = request;
  }
}

interface Clock {
  deviceSeconds: number;
  steps: number;
  sequences: number;
}

interface Piece extends PromptPiece {
  readonly part: { readonly request: number; done: number; readonly all: number };
}

function add(sum: Clock, now: Clock, then: Clock, weight: number): void {
  sum.deviceSeconds += weight * (now.deviceSeconds - then.deviceSeconds);
  sum.steps += weight * (now.steps - then.steps);
  sum.sequences += weight * (now.sequences - then.sequences);
}
