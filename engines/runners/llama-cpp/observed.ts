import { FailureError, failed } from '../../../core/errors.js';
import type { EngineDevice, Llama, Pointer } from '../../native/llama.js';
import type { ObservedModel, ObservedRequest } from '../observer.js';
import { Batch } from './batch.js';
import { freeHandles, type OpenedSoFar } from './handles.js';
import { openModel } from './load.js';
import { contextFailure } from './reasons.js';
import { settingsOf } from './settings.js';
import { attachThreads } from './threads.js';

/**
 * Tokens of one graph, as llama.cpp's own default (`ubatch`): what is observed comes in pieces of so many
 * rows.
 */
const PIECE_TOKENS = 512;

/**
 * Opens a model of llama.cpp, all layers on its devices or, where there are none, on the CPU, to be looked
 * into.
 * @throws FailureError with the engine's words.
 */
export function openObserved(
  llama: Llama,
  { modelPath, tokens, threads, collector }: ObservedRequest,
  devices: readonly EngineDevice[],
): ObservedModel {
  const { functions } = llama;
  const settings = settingsOf({ threads }, threads);
  llama.log.clear();
  const opened: OpenedSoFar = { model: openModel(llama, modelPath, settings, devices) };
  try {
    const context = functions.llama_init_from_model(opened.model, {
      ...functions.llama_context_default_params(),
      n_ctx: Math.ceil(tokens / 256) * 256,
      n_batch: PIECE_TOKENS,
      n_ubatch: PIECE_TOKENS,
      n_seq_max: 1,
      n_threads: threads,
      n_threads_batch: threads,
      // Weights that stay in the host's memory are multiplied there, for a copy of them on a device has
      // another name.
      op_offload: false,
      cb_eval: collector.callback,
      cb_eval_user_data: collector.userData,
    });
    if (context === null) throw new FailureError(contextFailure(tokens, 1, llama.log));
    opened.context = context;
    opened.threads = attachThreads(llama, context, settings);
  } catch (error) {
    freeHandles(llama, opened);
    throw error;
  }
  return observing(llama, opened);
}

function observing(llama: Llama, opened: OpenedSoFar): ObservedModel {
  const { functions } = llama;
  const width = functions.llama_model_n_embd(opened.model);
  const batch = new Batch(llama, PIECE_TOKENS);
  // Tokens without an output would not reach the last block's feed-forward network.
  batch.outputs.fill(1);
  /** Values of a piece that takes the place of tokens; made when first needed. */
  let values: Pointer = null;
  const run = (tokens: number, piece: Batch['value'], fill: (start: number, count: number) => void) => {
    const context = opened.context!;
    functions.llama_memory_clear(functions.llama_get_memory(context), false);
    for (let start = 0; start < tokens; start += PIECE_TOKENS) {
      const count = Math.min(PIECE_TOKENS, tokens - start);
      fill(start, count);
      for (let i = 0; i < count; i++) batch.positions[i] = start + i;
      piece.n_tokens = count;
      const code = functions.llama_decode(context, piece);
      if (code !== 0) {
        const said = llama.log.errors() ?? `code ${code}`;
        throw failed('run-failed', `llama.cpp could not evaluate ${count} tokens: ${said}.`);
      }
      functions.llama_synchronize(context);
    }
  };
  return {
    width,
    run(tokens) {
      run(tokens.length, batch.value, (start, count) => {
        batch.tokens.set(tokens.subarray(start, start + count));
      });
    },
    runStates(states) {
      values ??= llama.allocate('float', PIECE_TOKENS * width);
      const into = new Float32Array(llama.bytes(values, PIECE_TOKENS * width * 4));
      run(states.length / width, { ...batch.value, token: null, embd: values }, (start, count) => {
        into.set(states.subarray(start * width, (start + count) * width));
      });
    },
    close() {
      freeHandles(llama, opened);
      batch.free();
      if (values !== null) llama.free(values);
    },
  };
}
