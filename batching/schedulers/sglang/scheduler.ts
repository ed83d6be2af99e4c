import type { Batch } from '../../batch.js';
import { type Policy, type Scheduler, tooLong } from '../scheduler.js';
import type { SglangFlags } from './flags.js';

/**
 * SGLang's scheduler (0.5, `sglang/srt/managers/scheduler.py`, `schedule_policy.py`): prompts come first, in
 * steps of their own; all else waits. A request starts where the cache has room for its prompt, its answer,
 * and a share of what running ones may still say. That share sinks with every step that decodes, and rises
 * where the room was not enough, so that some had to give way. While it decodes it may look at what has come
 * only once in so many steps (`scheduler_recv_skipper.py`).
 */
export function sglangScheduler(flags: SglangFlags): Scheduler | string {
  return {
    engine: 'sglang',
    says: described(flags),
    decidesAhead: !flags.disableOverlapSchedule,
    passTokens: Number.POSITIVE_INFINITY,
    mostSequences: flags.maxRunningRequests,
    stepTokens: Math.min(chunkOf(flags), flags.maxPrefillTokens),
    keepsTexts: !flags.disableRadixCache,
    blockTokens: flags.pageSize,
    refusal: tooLong,
    begin: () => new SglangPolicy(flags),
  };
}

/** `SGLANG_INIT_NEW_TOKEN_RATIO`, `…_MIN_NEW_TOKEN_RATIO_FACTOR`, `…_NEW_TOKEN_RATIO_DECAY_STEPS`. */
const FIRST_RATIO = 0.7;
const LEAST_OF_FIRST = 0.14;
const DECAY_STEPS = 600;
/** `SGLANG_RETRACT_DECODE_STEPS`: steps that there is to be room for once some gave way. */
const RETRACT_STEPS = 20;
/** `SGLANG_CLIP_MAX_NEW_TOKENS_ESTIMATION`: answers are not thought to be longer. */
const LONGEST_ANSWER = 4096;
/**
 * `SGLANG_SCHEDULER_RECV_SKIPPER_WEIGHT_DEFAULT`: so many steps of decodes a step with prompts counts for.
 */
const PROMPTS_COUNT_AS = 1000;

class SglangPolicy implements Policy {
  readonly #flags: SglangFlags;
  readonly #first: number;
  readonly #least: number;
  /** Share of the tokens that running requests may still say, for which room is kept. */
  #ratio: number;
  /** Nobody could start, and nobody has ended since. */
  #full = false;
  /** Steps of decodes since it looked at what has come. */
  #blind = 0;

  constructor(flags: SglangFlags) {
    this.#flags = flags;
    this.#first = Math.min(1, FIRST_RATIO * flags.scheduleConservativeness);
    this.#least = Math.min(1, this.#first * LEAST_OF_FIRST);
    this.#ratio = this.#first;
  }

  /** A server without work looks again and again. */
  looks({ running }: Batch): boolean {
    return running === 0 || this.#blind >= this.#flags.schedulerRecvInterval;
  }

  compose(batch: Batch): void {
    if (this.looks(batch)) this.#blind = 0;
    if (batch.running === 0) this.#ratio = this.#first;
    this.#prefill(batch);
    if (batch.pieces.length > 0 && !this.#flags.enableMixedChunk) return;
    if (!batch.decode()) this.#retract(batch);
  }

  repeats(): number {
    return Number.POSITIVE_INFINITY;
  }

  passed(batch: Batch, steps: number): void {
    this.#blind = this.#blindAfter(batch, steps);
    if (!batch.decodes || batch.preempted > 0) return;
    const decay = (this.#first - this.#least) / DECAY_STEPS;
    this.#ratio = Math.max(this.#least, this.#ratio - steps * decay);
  }

  ended(): void {
    this.#full = false;
  }

  /** Of steps that passed together nobody came between any two, so looks between them saw nobody. */
  #blindAfter({ pieces }: Batch, steps: number): number {
    const { schedulerRecvInterval: interval } = this.#flags;
    if (pieces.length > 0) return Math.min(interval, this.#blind + PROMPTS_COUNT_AS);
    return ((this.#blind + steps - 1) % interval) + 1;
  }

  #prefill(batch: Batch): void {
    const { enableMixedChunk, maxPrefillTokens, maxRunningRequests } = this.#flags;
    if (batch.partial.length === 0 && (batch.waiting.length === 0 || (this.#full && batch.running > 0)))
      return;
    const decodes = enableMixedChunk ? batch.decoding.length : 0;
    let room = this.#room(batch) - decodes;
    let [input, chunk] = [maxPrefillTokens - decodes, chunkOf(this.#flags) - decodes];
    const [part] = batch.partial;
    if (part !== undefined) {
      const newTokens = Math.min(chunk, batch.leftOf(part));
      if (newTokens > 0 && batch.proceed(part, newTokens)) chunk -= newTokens;
      // The rest of a long prompt comes before any other.
      if (batch.leftOf(part) > newTokens) return;
      input -= newTokens;
      room -= newTokens + remaining(batch, part);
    }
    while (batch.waiting.length > 0) {
      const request = batch.waiting.at(0)!;
      const left = batch.wantedTokens(request) - batch.cachedOf(request);
      const needed = left + remaining(batch, request);
      if (batch.running >= maxRunningRequests || needed >= room) {
        // A server without any work takes whoever fits alone.
        if (batch.running > 0 || !batch.fits(batch.wantedTokens(request))) this.#full = true;
        else batch.start(Math.min(left, chunk));
        return;
      }
      if (left >= input && batch.pieces.length > 0) return;
      const newTokens = Math.min(left, chunk);
      if (newTokens <= 0 || !batch.start(newTokens)) return;
      room -= needed;
      input -= newTokens;
      chunk -= newTokens;
      if (newTokens < left) return;
    }
  }

  /** Tokens that may be promised. */
  #room(batch: Batch): number {
    let said = 0;
    for (const request of batch.decoding) said += remaining(batch, request);
    return batch.cache.available * batch.cache.blockTokens - this.#ratio * said;
  }

  /** Those with the fewest tokens give way, until there is room for some steps. */
  #retract(batch: Batch): void {
    // Of equal ones, the last.
    const order = [...batch.decoding]
      .reverse()
      .sort(
        (a, b) =>
          batch.answeredTokens(a) - batch.answeredTokens(b) ||
          batch.requests.promptTokens.at(b) - batch.requests.promptTokens.at(a),
      );
    for (const request of order) {
      if (batch.decoding.length <= 1) break;
      batch.preempt(request);
      if (batch.cache.available * batch.cache.blockTokens >= RETRACT_STEPS * batch.decoding.length) break;
    }
    let [answered, wanted] = [0, 1];
    for (const request of batch.decoding) {
      answered += batch.answeredTokens(request);
      wanted += batch.outputTokens(request);
    }
    this.#ratio = Math.min(1, (answered + RETRACT_STEPS * batch.decoding.length) / wanted);
    this.#full = false;
    batch.decode();
  }
}

const chunkOf = ({ chunkedPrefillSize: size }: SglangFlags) => (size < 0 ? Number.POSITIVE_INFINITY : size);

/** Tokens that a request may still say, as far as they are reserved. */
function remaining(batch: Batch, request: number): number {
  const left = batch.outputTokens(request) - batch.answeredTokens(request);
  return Math.min(left, LONGEST_ANSWER);
}

function described(flags: SglangFlags): string {
  return [
    `SGLang 0.5 with ${flags.chunkedPrefillSize < 0 ? 'whole prompts' : `${flags.chunkedPrefillSize} tokens of a chunk`}`,
    `${flags.maxRunningRequests} sequences`,
    `conservativeness ${flags.scheduleConservativeness}`,
    flags.enableMixedChunk ? 'decodes beside prompts' : 'prompts before decodes',
    ...(flags.schedulerRecvInterval === 1
      ? []
      : [`${flags.schedulerRecvInterval} steps from look to look at what has come`]),
    flags.disableRadixCache ? 'no radix cache' : 'radix cache',
    flags.disableOverlapSchedule ? 'no overlap of scheduling' : 'overlap of scheduling',
  ].join(', ');
}
