import { failed } from '../../../core/errors.js';
import { mostLikely, secondLargest } from '../../../core/quality/likelihood.js';
import type { Llama, Pointer } from '../../native/llama.js';
import type { Choices, Look, SequenceModel } from '../speculation/loop.js';
import { Batch } from './batch.js';
import { decodeFailure } from './reasons.js';

/** What a context of several sequences is for. */
interface Sizes {
  readonly sequences: number;
  /** Tokens of one batch, at most. */
  readonly capacity: number;
  /** Width of a row of logits. */
  readonly vocabularySize: number;
  /** Tokens that may be chosen, from 0 on: a draft chooses none that its model lacks. */
  readonly choosable: number;
}

/** The sequences of one context of llama.cpp, with the greedy choice after every token. */
export class LlamaSequences implements SequenceModel {
  readonly #llama: Llama;
  readonly #context: Pointer;
  readonly #memory: Pointer;
  readonly #sizes: Sizes;
  readonly #batch: Batch;
  readonly #lengths: Int32Array;

  constructor(llama: Llama, context: Pointer, sizes: Sizes) {
    this.#llama = llama;
    this.#context = context;
    this.#memory = llama.functions.llama_get_memory(context);
    this.#sizes = sizes;
    this.#batch = new Batch(llama, sizes.capacity);
    this.#lengths = new Int32Array(sizes.sequences);
  }

  length(sequence: number): number {
    return this.#lengths[sequence]!;
  }

  clear(): void {
    this.#llama.functions.llama_memory_clear(this.#memory, false);
    this.#lengths.fill(0);
  }

  cut(sequence: number, length: number): void {
    if (this.#lengths[sequence]! <= length) return;
    if (!this.#llama.functions.llama_memory_seq_rm(this.#memory, sequence, length, -1)) {
      throw failed(
        'model-unsupported',
        'The state of this model cannot be cut back by single tokens, which rejected drafts need.',
        'Set speculative to off with recurrent and hybrid models.',
      );
    }
    this.#lengths[sequence] = length;
  }

  /** Gives every other sequence a copy of the first one, the others being empty. */
  copyFirst(): void {
    const { llama_memory_seq_cp } = this.#llama.functions;
    for (let s = 1; s < this.#lengths.length; s++) {
      llama_memory_seq_cp(this.#memory, 0, s, -1, -1);
      this.#lengths[s] = this.#lengths[0]!;
    }
  }

  /**
   * Appends prompts, in as many batches as it takes. @returns the choice after each; 0 after an empty one.
   */
  read(prompts: readonly Int32Array[]): Int32Array {
    const chosen = new Int32Array(prompts.length);
    let used = 0;
    let ended: number[] = [];
    const flush = () => {
      const { tokens } = this.#choices(this.#decode(used), ended.length, 'choice');
      for (const [row, s] of ended.entries()) chosen[s] = tokens[row]!;
      used = 0;
      ended = [];
    };
    for (const [s, prompt] of prompts.entries()) {
      for (const [i, token] of prompt.entries()) {
        const last = i === prompt.length - 1;
        this.#put(used++, s, token, last);
        if (last) ended.push(s);
        if (used === this.#sizes.capacity) flush();
      }
    }
    if (used > 0) flush();
    this.#llama.functions.llama_synchronize(this.#context);
    return chosen;
  }

  extend(rows: readonly (readonly number[])[], look: Look): Choices {
    let used = 0;
    for (const [s, row] of rows.entries()) for (const token of row) this.#put(used++, s, token, true);
    return this.#choices(this.#decode(used), used, look);
  }

  free(): void {
    this.#batch.free();
  }

  #put(at: number, sequence: number, token: number, output: boolean): void {
    const { tokens, positions, sequences, outputs } = this.#batch;
    tokens[at] = token;
    positions[at] = this.#lengths[sequence]!;
    sequences[at] = sequence;
    outputs[at] = output ? 1 : 0;
    this.#lengths[sequence] = positions[at]! + 1;
  }

  /** @returns where the rows of logits lie, in the order of their tokens; null = there are none. */
  #decode(count: number): Pointer {
    const { functions, log } = this.#llama;
    this.#batch.value.n_tokens = count;
    const code = functions.llama_decode(this.#context, this.#batch.value);
    if (code === 0) return functions.llama_get_logits(this.#context);
    throw decodeFailure(code, count, log);
  }

  #choices(address: Pointer, count: number, look: Look): Choices {
    const { vocabularySize, choosable } = this.#sizes;
    const tokens = new Int32Array(count);
    const figures = new Float32Array(count);
    if (count === 0) return { tokens, figures };
    if (address === null) throw failed('run-failed', 'llama.cpp gave no logits.');
    const all = new Float32Array(this.#llama.bytes(address, count * vocabularySize * 4));
    for (let row = 0; row < count; row++) {
      const logits = all.subarray(row * vocabularySize, row * vocabularySize + choosable);
      const token = mostLikely(logits);
      tokens[row] = token;
      if (look === 'lead') figures[row] = logits[token]! - secondLargest(logits, token);
      else if (look === 'probability') figures[row] = probabilityOf(logits, token);
    }
    return { tokens, figures };
  }
}

/** e^-30 of all others together changes no digit of a float. */
const NEGLIGIBLE = 30;

/** @param token of the largest logit. */
function probabilityOf(logits: Float32Array, token: number): number {
  const largest = logits[token]!;
  let sum = 0;
  for (let i = 0; i < logits.length; i++) {
    const below = largest - logits[i]!;
    if (below < NEGLIGIBLE) sum += Math.exp(-below);
  }
  return 1 / sum;
}
