import type { Llama, Pointer } from '../../native/llama.js';
import type { Threads } from './threads.js';

/** What a model holds in the engine. */
export interface Handles {
  readonly model: Pointer;
  readonly context: Pointer;
  readonly threads: Threads;
}

/** The same while it is being opened: its model first. */
export type OpenedSoFar = Pick<Handles, 'model'> & { -readonly [H in 'context' | 'threads']?: Handles[H] };

/**
 * Frees what is open in the order that the engine needs: a context before its threads, both before the model.
 */
export function freeHandles(llama: Pick<Llama, 'functions'>, opened: OpenedSoFar): void {
  const { model, context, threads } = opened;
  if (context !== undefined) llama.functions.llama_free(context);
  threads?.release();
  llama.functions.llama_model_free(model);
}
