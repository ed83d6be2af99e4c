import { FailureError, failed } from '../../../core/errors.js';
import type { EngineDevice, Llama, Pointer } from '../../native/llama.js';
import type { ObservedModel, ObservedRequest } from '../observer.js';
import { Batch } from './batch.js';
import { freeHandles, type OpenedSoFar } from './handles.js';
import { openModel } from './load.js';
import { contextFailure } from './reasons.js';
import { readSettings } from './settings.js';
import { attachThreads } from './threads.js';

/** Tokens of one graph, as llama.cpp's own default (`ubatch`): what is observed comes in pieces of so many rows. */
const PIECE_TOKENS = 512;

/** A model of llama.cpp, all layers on its devices or, where there are none, on the CPU, to be looked into. */
export class LlamaObserved implements ObservedModel {
  readonly width: number;
  readonly #llama: Llama;
  readonly #opened: OpenedSoFar;
  readonly #context: Pointer;
  readonly #batch: Batch;
  /** Values of a piece that takes the place of tokens; made when first needed. */
  #states: Pointer = null;

  /** @throws FailureError with the engine's words. */
  constructor(
    llama: Llama,
    { modelPath, tokens, threads, collector }: ObservedRequest,
    devices: readonly EngineDevice[],
  ) {
    const { functions } = llama;
    const settings = readSettings({ threads }, threads);
    this.#llama = llama;
    llama.log.clear();
    this.#opened = { model: openModel(llama, modelPath, settings, devices) };
    try {
      const params = functions.llama_context_default_params();
      params.n_ctx = Math.ceil(tokens / 256) * 256;
      params.n_batch = PIECE_TOKENS;
      params.n_ubatch = PIECE_TOKENS;
      params.n_seq_max = 1;
      params.n_threads = threads;
      params.n_threads_batch = threads;
      // Weights that stay in the host's memory are multiplied there, for a copy of them on a device has another name.
      params.op_offload = false;
      params.cb_eval = collector.callback;
      params.cb_eval_user_data = collector.userData;
      this.#context = functions.llama_init_from_model(this.#opened.model, params);
      if (this.#context === null) throw new FailureError(contextFailure(tokens, 1, llama.log));
      this.#opened.context = this.#context;
      this.#opened.threads = attachThreads(llama, this.#context, settings);
    } catch (error) {
      freeHandles(llama, this.#opened);
      throw error;
    }
    this.width = functions.llama_model_n_embd(this.#opened.model);
    this.#batch = new Batch(llama, PIECE_TOKENS);
    // Tokens without an output would not reach the last block's feed-forward network.
    this.#batch.outputs.fill(1);
  }

  run(tokens: Int32Array): void {
    this.#run(tokens.length, this.#batch.value, (start, count) => {
      this.#batch.tokens.set(tokens.subarray(start, start + count));
    });
  }

  runStates(states: Float32Array): void {
    const bytes = PIECE_TOKENS * this.width * 4;
    this.#states ??= this.#llama.allocate('float', PIECE_TOKENS * this.width);
    const into = new Float32Array(this.#llama.bytes(this.#states, bytes));
    const batch = { ...this.#batch.value, token: null, embd: this.#states };
    this.#run(states.length / this.width, batch, (start, count) => {
      into.set(states.subarray(start * this.width, (start + count) * this.width));
    });
  }

  close(): void {
    freeHandles(this.#llama, this.#opened);
    this.#batch.free();
    if (this.#states !== null) this.#llama.free(this.#states);
  }

  #run(tokens: number, batch: Batch['value'], fill: (start: number, count: number) => void): void {
    const { functions, log } = this.#llama;
    functions.llama_memory_clear(functions.llama_get_memory(this.#context), false);
    for (let start = 0; start < tokens; start += PIECE_TOKENS) {
      const count = Math.min(PIECE_TOKENS, tokens - start);
      fill(start, count);
      for (let i = 0; i < count; i++) this.#batch.positions[i] = start + i;
      batch.n_tokens = count;
      const code = functions.llama_decode(this.#context, batch);
      if (code !== 0) {
        const said = log.errors() ?? `code ${code}`;
        throw failed('run-failed', `llama.cpp could not evaluate ${count} tokens: ${said}.`);
      }
      functions.llama_synchronize(this.#context);
    }
  }
}
