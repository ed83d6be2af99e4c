import type { Llama, Pointer } from '../../native/llama.js';

/** What a model holds in the engine. */
export interface Handles {
  readonly model: Pointer;
  readonly context: Pointer;
  readonly threadpool: Pointer;
}

/** The same while it is being opened: its model first. */
export type OpenedSoFar = Pick<Handles, 'model'> & { -readonly [H in 'context' | 'threadpool']?: Handles[H] };

/** Frees what is open in the order that the engine needs: a context before its threads, both before the model. */
export function freeHandles(llama: Pick<Llama, 'functions' | 'callCpu'>, opened: OpenedSoFar): void {
  const { model, context, threadpool } = opened;
  if (context !== undefined) llama.functions.llama_free(context);
  if (threadpool !== undefined) llama.callCpu('ggml_threadpool_free', 'void', [['void *', threadpool]]);
  llama.functions.llama_model_free(model);
}
