import type { Batch } from '../../batch.js';
import { type Policy, type Scheduler, tooLong } from '../scheduler.js';
import type { VllmFlags } from './flags.js';

/**
 * vLLM's scheduler (0.24, `vllm/v1/core/sched/scheduler.py`): running requests have their tokens first, so
 * decodes never wait for prompts; what is left of a step's tokens goes to prompts in the order in which they
 * came. Where blocks run out, the request that started last gives its own back and is computed again.
 */
export function vllmScheduler(flags: VllmFlags): Scheduler | string {
  const { maxNumBatchedTokens, maxNumSeqs, enableChunkedPrefill } = flags;
  if (maxNumBatchedTokens < maxNumSeqs)
    return `maxNumBatchedTokens ${maxNumBatchedTokens} is less than maxNumSeqs ${maxNumSeqs}: vLLM does not start so. Raise it, or lower maxNumSeqs.`;
  return {
    engine: 'vllm',
    says: described(flags),
    decidesAhead: flags.asyncScheduling,
    passTokens: Number.POSITIVE_INFINITY,
    mostSequences: maxNumSeqs,
    stepTokens: maxNumBatchedTokens,
    keepsTexts: flags.enablePrefixCaching,
    blockTokens: flags.blockSize,
    refusal: (promptTokens, outputTokens, cacheTokens) =>
      !enableChunkedPrefill && promptTokens + outputTokens > maxNumBatchedTokens
        ? `a prompt of ${promptTokens} tokens is not cut, and a step has ${maxNumBatchedTokens}`
        : tooLong(promptTokens, outputTokens, cacheTokens),
    begin: () => policy(flags),
  };
}

function policy(flags: VllmFlags): Policy {
  return {
    compose(batch) {
      decodeFirst(batch);
      if (proceed(batch, flags) && batch.preempted === 0) admit(batch, flags);
    },
    // Whoever waits is let in where nobody gave way; otherwise ends alone make room.
    repeats: ({ preempted }) => (preempted > 0 ? 1 : Number.POSITIVE_INFINITY),
  };
}

function decodeFirst(batch: Batch): void {
  while (!batch.decode()) batch.preempt(batch.last!);
}

/** Goes on with prompts that are computed in part. @returns false where one of them gave way itself. */
function proceed(batch: Batch, flags: VllmFlags): boolean {
  for (let i = 0; i < batch.partial.length; i++) {
    const request = batch.partial[i]!;
    const newTokens = Math.min(tokensLeft(batch, flags), longest(flags), batch.leftOf(request));
    if (newTokens <= 0) break;
    while (!batch.proceed(request, newTokens)) {
      const last = batch.last!;
      batch.preempt(last);
      if (last === request) return false;
    }
  }
  return true;
}

function admit(batch: Batch, flags: VllmFlags): void {
  const { maxNumSeqs, enableChunkedPrefill, schedulerReserveFullIsl } = flags;
  while (batch.waiting.length > 0 && batch.running < maxNumSeqs) {
    const request = batch.waiting.at(0)!;
    const wanted = batch.wantedTokens(request);
    const left = Math.min(longest(flags), wanted - batch.cachedOf(request));
    const room = tokensLeft(batch, flags);
    if (room <= 0 || (left > room && !enableChunkedPrefill)) break;
    if (schedulerReserveFullIsl && !batch.fits(wanted)) break;
    if (!batch.start(Math.min(left, room))) break;
  }
}

const tokensLeft = ({ tokens }: Batch, { maxNumBatchedTokens }: VllmFlags) => maxNumBatchedTokens - tokens;
const longest = ({ longPrefillTokenThreshold: most }: VllmFlags) =>
  most === 0 ? Number.POSITIVE_INFINITY : most;

function described(flags: VllmFlags): string {
  return [
    `vLLM 0.24 with ${flags.maxNumBatchedTokens} tokens of a step`,
    `${flags.maxNumSeqs} sequences`,
    flags.enableChunkedPrefill ? 'chunked prefill' : 'whole prompts',
    flags.enablePrefixCaching ? 'prefix cache' : 'no prefix cache',
    flags.asyncScheduling ? 'asynchronous scheduling' : 'no asynchronous scheduling',
  ].join(', ');
}
