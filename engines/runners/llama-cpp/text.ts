import { failed } from '../../../core/errors.js';
import type { Llama, Pointer } from '../../native/llama.js';
import type { TextModel, VisitLogits } from '../opened.js';
import type { Batch } from './batch.js';
import { LlamaVocabulary } from './vocabulary.js';

/** The first sequence of a context, as its owner lends it. */
export interface Sequence {
  readonly batch: Batch;
  /** Most tokens of one batch. */
  readonly capacity: number;
  /** Tokens in the cache. */
  length(): number;
  /** Evaluates the first `count` tokens of the batch, waits for the device, and counts them in. */
  append(count: number): void;
}

/** The engine keeps one row for every wanted token of a batch; this bounds what they take together. */
const OUTPUT_BYTES = 256 * 2 ** 20;

/** Vocabulary and logits of a loaded model. */
export class LlamaText extends LlamaVocabulary implements TextModel {
  readonly #llama: Llama;
  readonly #context: Pointer;
  readonly #sequence: Sequence;

  constructor(
    llama: Llama,
    model: Pointer,
    context: Pointer,
    sequence: Sequence,
    metadata: () => ReadonlyMap<string, unknown>,
  ) {
    super(llama, model, metadata);
    this.#llama = llama;
    this.#context = context;
    this.#sequence = sequence;
  }

  evaluate(tokens: Int32Array, firstWanted: number, visit: VisitLogits): void {
    const { batch, capacity } = this.#sequence;
    const rows = Math.max(1, Math.floor(OUTPUT_BYTES / (this.size * 4)));
    for (let start = 0; start < tokens.length; ) {
      // Tokens without output fill a batch; then those with output do, as far as their rows have room.
      const silent = Math.max(0, Math.min(firstWanted - start, capacity));
      const count = Math.min(tokens.length - start, capacity, silent + rows);
      const position = this.#sequence.length();
      for (let i = 0; i < count; i++) {
        batch.tokens[i] = tokens[start + i]!;
        batch.positions[i] = position + i;
        batch.sequences[i] = 0;
        batch.outputs[i] = i < silent ? 0 : 1;
      }
      this.#sequence.append(count);
      if (count > silent) this.#visit(start + silent, count - silent, visit);
      start += count;
    }
  }

  /** Rows of one batch lie one after the other, in the order of their tokens. */
  #visit(first: number, count: number, visit: VisitLogits): void {
    const address = this.#llama.functions.llama_get_logits(this.#context);
    if (address === null) throw failed('run-failed', 'llama.cpp gave no logits.');
    const width = this.size;
    const rows = new Float32Array(this.#llama.bytes(address, count * width * 4));
    for (let i = 0; i < count; i++) visit(first + i, rows.subarray(i * width, (i + 1) * width));
  }
}
