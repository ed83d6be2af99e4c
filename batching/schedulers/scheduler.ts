import type { Chunk } from '../../roofline/step/setting.js';
import type { Batch } from '../batch.js';

/** How an engine puts steps together. */
export interface Scheduler {
  /** As commands and tables name it. */
  readonly engine: string;
  /** The engine, the release whose policy this is, and its flags: a clause. */
  readonly says: string;
  /** The next step is put together while one is computed: who arrives meanwhile takes part one step later. */
  readonly decidesAhead: boolean;
  /** Tokens of one pass through the model; a step of more is several passes. */
  readonly passTokens: number;
  /** Requests that run at once at most, and new tokens of a step. */
  readonly mostSequences: number;
  readonly stepTokens: number;
  /** Texts of requests that have ended stay in blocks for prompts that begin with them. */
  readonly keepsTexts: boolean;
  readonly blockTokens: number;
  /** Requests go to another server once their prompt is computed; left out = they stay. */
  readonly handsOver?: boolean;
  /** @returns a clause about a request that this server never computes; null = it does. */
  refusal(promptTokens: number, outputTokens: number, cacheTokens: number): string | null;
  /** @returns what decides on one server from its start on. */
  begin(cacheTokens: number): Policy;
}

/** Sequences of a step that pass through the model together. */
export interface StepPass {
  readonly decodes: number;
  readonly chunks: readonly Chunk[];
}

/** Decides what each step of one server computes. It depends on the batch and on what it decided before. */
export interface Policy {
  /** @returns whether it looks at what has come before the next step; left out = it always does. */
  looks?(batch: Batch): boolean;
  /** Puts the next step together, by `decode`, `proceed`, `start` and `preempt` of the batch. */
  compose(batch: Batch): void;
  /**
   * @returns steps like the one just put together until it wants to be asked again, if nobody comes or ends.
   */
  repeats(batch: Batch): number;
  /**
   * @returns the passes through the model that the step is cut into; left out = decodes come first, then
   *   prompts in their order, cut where a pass is full.
   */
  passes?(batch: Batch): readonly StepPass[];
  /** So many steps as they were put together have passed. */
  passed?(batch: Batch, steps: number): void;
  /** A request has left. */
  ended?(batch: Batch, request: number): void;
}

/** @returns a clause about a request whose tokens never fit into the cache together; null = they do. */
export function tooLong(promptTokens: number, outputTokens: number, cacheTokens: number): string | null {
  const tokens = promptTokens + outputTokens;
  return tokens <= cacheTokens ? null : `${tokens} tokens have no room in a cache of ${cacheTokens}`;
}
