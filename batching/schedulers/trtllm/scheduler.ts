import type { Batch } from '../../batch.js';
import { type Policy, type Scheduler, tooLong } from '../scheduler.js';
import type { TrtllmFlags } from './flags.js';

/**
 * TensorRT-LLM's scheduler (1.3, `tensorrt_llm/_torch/pyexecutor`): prompts and decodes share steps. A
 * request starts once blocks for all of its answer are left (GUARANTEED_NO_EVICT), or for what it has now
 * (MAX_UTILIZATION, where the last to start pauses if blocks run out). Prompts are whole unless chunks are
 * asked for, and may wait for others so that steps are full.
 */
export function trtllmScheduler(flags: TrtllmFlags): Scheduler | string {
  const { maxNumTokens, enableChunkedPrefill } = flags;
  return {
    engine: 'trtllm',
    says: described(flags),
    decidesAhead: !flags.disableOverlapScheduler,
    passTokens: Number.POSITIVE_INFINITY,
    mostSequences: flags.maxBatchSize,
    stepTokens: maxNumTokens,
    keepsTexts: flags.enableBlockReuse,
    blockTokens: flags.tokensPerBlock,
    refusal: (promptTokens, outputTokens, cacheTokens) =>
      !enableChunkedPrefill && promptTokens > maxNumTokens
        ? `a prompt of ${promptTokens} tokens is not cut, and a step has ${maxNumTokens}`
        : tooLong(promptTokens, outputTokens, cacheTokens),
    begin: () => new TrtllmPolicy(flags),
  };
}

class TrtllmPolicy implements Policy {
  readonly #flags: TrtllmFlags;
  /** Blocks that running requests have at their end. */
  #promised = 0;
  /** Steps that prompts have waited, and whether they do now. */
  #waited = 0;
  #waits = false;

  constructor(flags: TrtllmFlags) {
    this.#flags = flags;
  }

  compose(batch: Batch): void {
    while (!batch.decode()) this.#pause(batch, batch.last!);
    this.#proceed(batch);
    this.#waits = false;
    if (batch.preempted > 0) return;
    this.#waits = this.#waitsForOthers(batch);
    if (this.#waits) return;
    this.#waited = 0;
    while (this.#mayStart(batch, batch.waiting.at(0), batch.tokens, batch.running, this.#promised)) {
      const request = batch.waiting.at(0)!;
      const left = batch.wantedTokens(request) - batch.cachedOf(request);
      const newTokens = Math.min(left, this.#flags.maxNumTokens - batch.tokens);
      if (!batch.start(newTokens)) return;
      this.#promised += blocksAtEnd(batch, request);
    }
  }

  repeats(batch: Batch): number {
    if (batch.preempted > 0) return 1;
    return this.#waits ? this.#flags.batchWaitTimeoutIters - this.#waited : Number.POSITIVE_INFINITY;
  }

  passed(_: Batch, steps: number): void {
    if (this.#waits) this.#waited += steps;
  }

  ended(batch: Batch, request: number): void {
    this.#promised -= blocksAtEnd(batch, request);
  }

  #pause(batch: Batch, request: number): void {
    batch.preempt(request);
    this.#promised -= blocksAtEnd(batch, request);
  }

  #proceed(batch: Batch): void {
    for (let i = 0; i < batch.partial.length; i++) {
      const request = batch.partial[i]!;
      const newTokens = Math.min(this.#flags.maxNumTokens - batch.tokens, batch.leftOf(request));
      if (newTokens <= 0) return;
      while (!batch.proceed(request, newTokens)) {
        const last = batch.last!;
        this.#pause(batch, last);
        if (last === request) return;
      }
    }
  }

  /** Prompts wait while others decode, until there are enough of them or it has been long enough. */
  #waitsForOthers(batch: Batch): boolean {
    const { batchWaitTimeoutIters, batchWaitMaxTokensRatio, maxNumTokens } = this.#flags;
    if (this.#waited >= batchWaitTimeoutIters || batch.decoding.length === 0 || batch.partial.length > 0)
      return false;
    let [tokens, running, promised] = [batch.tokens, batch.running, this.#promised];
    let prompts = 0;
    for (; this.#mayStart(batch, batch.waiting.at(prompts), tokens, running, promised); prompts++) {
      const request = batch.waiting.at(prompts)!;
      tokens += batch.wantedTokens(request);
      running += 1;
      promised += blocksAtEnd(batch, request);
    }
    return prompts > 0 && tokens < batchWaitMaxTokensRatio * maxNumTokens;
  }

  #mayStart(
    batch: Batch,
    request: number | undefined,
    tokens: number,
    running: number,
    promised: number,
  ): boolean {
    const { maxNumTokens, maxBatchSize, enableChunkedPrefill, capacitySchedulerPolicy } = this.#flags;
    if (request === undefined || running >= maxBatchSize || tokens >= maxNumTokens) return false;
    const left = batch.wantedTokens(request) - batch.cachedOf(request);
    if (!enableChunkedPrefill && tokens + left > maxNumTokens) return false;
    if (capacitySchedulerPolicy === 'MAX_UTILIZATION') return true;
    return promised + blocksAtEnd(batch, request) <= batch.cache.blocks;
  }
}

function blocksAtEnd(batch: Batch, request: number): number {
  return batch.cache.blocksOf(batch.requests.promptTokens.at(request) + batch.outputTokens(request));
}

function described(flags: TrtllmFlags): string {
  const { batchWaitTimeoutIters: steps, batchWaitMaxTokensRatio: share } = flags;
  return [
    `TensorRT-LLM 1.3 with ${flags.maxNumTokens} tokens of a step`,
    `${flags.maxBatchSize} sequences`,
    flags.capacitySchedulerPolicy,
    flags.enableChunkedPrefill ? 'chunked prefill' : 'whole prompts',
    steps === 0 ? 'no wait for a batch' : `up to ${steps} steps of wait for ${100 * share} % of a step`,
    flags.enableBlockReuse ? 'reuse of blocks' : 'no reuse of blocks',
    flags.disableOverlapScheduler ? 'no overlap of scheduling' : 'overlap of scheduling',
  ].join(', ');
}
