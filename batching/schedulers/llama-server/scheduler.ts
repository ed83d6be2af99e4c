import type { Batch } from '../../batch.js';
import type { Passage } from '../../request.js';
import { type Policy, type Scheduler, type StepPass, tooLong } from '../scheduler.js';
import type { LlamaServerFlags } from './flags.js';
import { equalPasses, type SlotWork } from './passes.js';

/**
 * llama-server's scheduler (`tools/server/server.cpp`): a request takes a slot that knows the beginning of
 * its prompt, or else the one that rested longest. A step has a token of each slot that decodes, then tokens
 * of prompts slot by slot, up to a batch, which passes through the model in micro-batches.
 */
export function llamaServerScheduler(flags: LlamaServerFlags): Scheduler | string {
  const { parallel, batchSize } = flags;
  if (batchSize < parallel)
    return `batchSize ${batchSize} has no token for each of ${parallel} slots. Raise it, or lower parallel.`;
  return {
    engine: 'llama-server',
    says: described(flags),
    decidesAhead: false,
    passTokens: flags.ubatchSize,
    mostSequences: parallel,
    stepTokens: batchSize,
    keepsTexts: false,
    blockTokens: 1,
    refusal: (promptTokens, outputTokens, cacheTokens) =>
      tooLong(promptTokens, outputTokens, slotTokens(flags, cacheTokens)),
    begin: () => (flags.kvUnified ? new LlamaServerPolicy(flags) : new OwnCachesPolicy(flags)),
  };
}

const slotTokens = ({ ctxSize, parallel }: LlamaServerFlags, cacheTokens: number) =>
  Math.floor((ctxSize === 0 ? cacheTokens : Math.min(ctxSize, cacheTokens)) / parallel);

interface Slot {
  /** null = it is free. */
  request: number | null;
  text: readonly Passage[];
  /** Order in which slots became free. */
  freed: number;
}

class LlamaServerPolicy implements Policy {
  readonly flags: LlamaServerFlags;
  readonly slots: readonly Slot[];
  #freed = 0;

  constructor(flags: LlamaServerFlags) {
    this.flags = flags;
    this.slots = Array.from({ length: flags.parallel }, () => ({ request: null, text: [], freed: 0 }));
  }

  compose(batch: Batch): void {
    while (batch.waiting.length > 0 && this.#assign(batch));
    batch.decode();
    for (const { request } of this.slots) {
      if (request === null || !batch.partial.includes(request)) continue;
      const newTokens = Math.min(this.flags.batchSize - batch.tokens, batch.leftOf(request));
      if (newTokens > 0) batch.proceed(request, newTokens);
    }
  }

  repeats(): number {
    return Number.POSITIVE_INFINITY;
  }

  ended({ requests }: Batch, request: number): void {
    const slot = this.slots.find((one) => one.request === request);
    if (slot === undefined) return;
    slot.request = null;
    slot.freed = ++this.#freed;
    // The last token of an answer is never computed.
    const answer = { id: requests.answerIdOf(request) ?? 0, tokens: requests.outputTokens.at(request) - 1 };
    const beginning = requests.beginningOf(request);
    const known = beginning.reduce((sum, { tokens }) => sum + tokens, 0);
    const named = requests.answerIdOf(request) !== null && known >= requests.promptTokens.at(request);
    slot.text = named ? [...beginning, answer] : beginning;
  }

  /** Gives the first in line a slot. @returns whether there is one. */
  #assign(batch: Batch): boolean {
    const request = batch.waiting.at(0)!;
    const free = this.slots.filter((slot) => slot.request === null);
    if (free.length === 0) return false;
    const { cachePrompt, slotPromptSimilarity } = this.flags;
    const prompt = batch.requests.beginningOf(request);
    const length = batch.requests.promptTokens.at(request);
    // Of slots that were never used it takes the last.
    let chosen = free.reduce((oldest, slot) => (slot.freed <= oldest.freed ? slot : oldest));
    let most = cachePrompt ? slotPromptSimilarity * length : Number.POSITIVE_INFINITY;
    for (const slot of free) {
      const known = commonTokens(slot.text, prompt);
      if (known <= most) continue;
      most = known;
      chosen = slot;
    }
    const known = cachePrompt ? Math.min(commonTokens(chosen.text, prompt), length - 1) : 0;
    if (!batch.startBehind(known, 0)) return false;
    chosen.request = request;
    return true;
  }
}

/** Each slot has a cache of its own, and passes take equal parts of slots beside each other. */
class OwnCachesPolicy extends LlamaServerPolicy {
  passes(batch: Batch): StepPass[] {
    const prompts = new Map(batch.pieces.map((piece) => [piece.request, piece]));
    const decoding = new Set(batch.decodes ? batch.decoding : []);
    const [decodes, reads]: [SlotWork[], SlotWork[]] = [[], []];
    for (const [slot, { request }] of this.slots.entries()) {
      if (request === null) continue;
      const chunk = prompts.get(request);
      if (decoding.has(request)) decodes.push({ slot, chunk: null });
      else if (chunk !== undefined) reads.push({ slot, chunk });
    }
    return equalPasses([...decodes, ...reads], this.flags.ubatchSize);
  }
}

/** @returns tokens that two texts have in common from their beginning. */
function commonTokens(one: readonly Passage[], other: readonly Passage[]): number {
  let common = 0;
  for (const [place, { id, tokens }] of one.entries()) {
    const passage = other[place];
    if (passage === undefined || passage.id !== id) break;
    common += Math.min(tokens, passage.tokens);
    if (tokens !== passage.tokens) break;
  }
  return common;
}

function described(flags: LlamaServerFlags): string {
  return [
    `llama-server with ${flags.parallel} slots`,
    `${flags.batchSize} tokens of a step in passes of ${flags.ubatchSize}`,
    flags.kvUnified ? 'one cache for all slots' : 'a cache for each slot',
    flags.cachePrompt ? 'texts kept in slots' : 'no texts kept',
  ].join(', ');
}
