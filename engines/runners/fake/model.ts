import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { failed } from '../../../core/errors.js';
import type { BlockingGenerator, LoadedFacts } from '../opened.js';
import type { Demands } from '../runner.js';
import { stepByStep } from '../step-by-step.js';
import { failWhileRunning } from './failures.js';
import type { FakeOptions } from './options.js';

const VOCABULARY_SIZE = 32_000;
/** Below this, sleeping is too coarse (one scheduler tick) and the rest of the time is spun away. */
const SPIN_SECONDS = 0.002;

/** Takes the time a model of the given speed would take; keeps book of its cache like a real one. */
export class FakeModel implements BlockingGenerator {
  readonly facts: LoadedFacts;
  readonly warnings: readonly string[] = [];
  readonly #options: FakeOptions;
  readonly #sequences: number;
  /** Fixed: the same trial takes the same time again, but for what its start drew. */
  readonly #random = xoroshiro128plus(1);
  /** What every time of this start is multiplied by; no seed, for two starts of one point are to differ. */
  readonly #slowness: number;
  readonly #never = new Int32Array(new SharedArrayBuffer(4));
  #cachedTokens = 0;

  constructor(options: FakeOptions, request: Demands['generator']) {
    this.#options = options;
    this.#slowness = Math.exp(options.fakeStartSpread * gaussian(Math.random));
    this.#sequences = request.sequences;
    this.facts = {
      modelBytes: options.fakeModelBytes,
      parameters: Math.floor(options.fakeModelBytes / 2),
      kvCacheBytes: null,
      engineFiles: [],
      vocabularySize: VOCABULARY_SIZE,
      contextLength: request.contextTokens,
      environment: { engine: 'fake 1' },
    };
  }

  reset(keepTokens: number): boolean {
    this.#cachedTokens = Math.min(this.#cachedTokens, keepTokens);
    return true;
  }

  prefill(tokens: readonly Int32Array[]): void {
    const perSequence = tokens[0]?.length ?? 0;
    this.#grow(tokens.length, perSequence);
    this.#take((perSequence * tokens.length) / this.#options.fakePrefillTokensPerSecond);
  }

  steps(tokens: readonly Int32Array[]): Float64Array {
    return stepByStep(tokens, (step) => this.#step(step));
  }

  close(): void {}

  #step(tokens: Int32Array): void {
    this.#grow(tokens.length, 1);
    failWhileRunning(this.#options.fakeFailure);
    this.#take(tokens.length / this.#options.fakeDecodeTokensPerSecond);
  }

  #grow(sequences: number, tokensEach: number): void {
    if (sequences !== this.#sequences) {
      const message = `the context was made for ${this.#sequences} sequences and got ${sequences}`;
      throw failed('run-failed', message);
    }
    this.#cachedTokens += tokensEach;
    if (this.#cachedTokens > this.facts.contextLength) {
      const message = `the context holds ${this.facts.contextLength} tokens and would need ${this.#cachedTokens}`;
      throw failed('run-failed', message);
    }
  }

  #take(meanSeconds: number): void {
    const jitter = Math.max(0, 1 + this.#options.fakeJitter * gaussian(() => this.#uniform()));
    const seconds = meanSeconds * this.#slowness * jitter;
    const end = process.hrtime.bigint() + BigInt(Math.round(seconds * 1e9));
    if (seconds > SPIN_SECONDS) Atomics.wait(this.#never, 0, 0, (seconds - SPIN_SECONDS) * 1000);
    while (process.hrtime.bigint() < end);
  }

  #uniform(): number {
    return (this.#random.next() >>> 0) / 2 ** 32;
  }
}

/** Box and Muller. @param uniform draws from 0 to below 1. */
function gaussian(uniform: () => number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
  return radius * Math.cos(2 * Math.PI * uniform());
}
