import { FailureError, failure } from '../../../core/errors.js';
import type { Llama, Pointer } from '../../native/llama.js';
import type { TextModel, VisitLogits } from '../runner.js';
import type { Batch } from './batch.js';

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
export class LlamaText implements TextModel {
  readonly beginToken: number | null;
  readonly #llama: Llama;
  readonly #vocabulary: Pointer;
  readonly #context: Pointer;
  readonly #sequence: Sequence;
  readonly #width: number;
  readonly #endToken: number | null;

  constructor(llama: Llama, model: Pointer, context: Pointer, sequence: Sequence) {
    const { functions } = llama;
    this.#llama = llama;
    this.#context = context;
    this.#sequence = sequence;
    this.#vocabulary = functions.llama_model_get_vocab(model);
    this.#width = functions.llama_vocab_n_tokens(this.#vocabulary);
    const begin = functions.llama_vocab_bos(this.#vocabulary);
    this.beginToken = functions.llama_vocab_get_add_bos(this.#vocabulary) && begin >= 0 ? begin : null;
    const addsEnd = functions.llama_vocab_get_add_eos(this.#vocabulary);
    this.#endToken = addsEnd ? functions.llama_vocab_eos(this.#vocabulary) : null;
  }

  tokenize(text: string, addBegin: boolean): Int32Array {
    const bytes = Buffer.byteLength(text);
    if (bytes === 0)
      return addBegin && this.beginToken !== null ? Int32Array.of(this.beginToken) : new Int32Array(0);
    // A token stands for at least one byte; begin, end and a leading blank may be added.
    const room = bytes + 8;
    const address = this.#llama.allocate('int32_t', room);
    try {
      const count = this.#llama.functions.llama_tokenize(
        this.#vocabulary,
        text,
        bytes,
        address,
        room,
        addBegin,
        false,
      );
      if (count < 0) {
        throw new FailureError(failure('run-failed', `llama.cpp could not tokenize ${bytes} bytes of text.`));
      }
      // An end token closes a text; what is measured here goes on.
      const all = new Int32Array(this.#llama.bytes(address, count * 4));
      return all.slice(0, all.at(-1) === this.#endToken ? -1 : count);
    } finally {
      this.#llama.free(address);
    }
  }

  detokenize(tokens: Int32Array): string {
    if (tokens.length === 0) return '';
    const input = this.#llama.allocate('int32_t', tokens.length);
    new Int32Array(this.#llama.bytes(input, tokens.length * 4)).set(tokens);
    const read = (room: number): string | number => {
      const output = this.#llama.allocate('uint8_t', room);
      const { llama_detokenize } = this.#llama.functions;
      const length = llama_detokenize(this.#vocabulary, input, tokens.length, output, room, true, false);
      const text = length < 0 ? -length : Buffer.from(this.#llama.bytes(output, length)).toString('utf8');
      this.#llama.free(output);
      return text;
    };
    const first = read(16 * tokens.length + 16);
    const text = typeof first === 'number' ? read(first) : first;
    this.#llama.free(input);
    return String(text);
  }

  isEnd(token: number): boolean {
    return this.#llama.functions.llama_vocab_is_eog(this.#vocabulary, token);
  }

  evaluate(tokens: Int32Array, firstWanted: number, visit: VisitLogits): void {
    const { batch, capacity } = this.#sequence;
    const rows = Math.max(1, Math.floor(OUTPUT_BYTES / (this.#width * 4)));
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
    if (address === null) throw new FailureError(failure('run-failed', 'llama.cpp gave no logits.'));
    const width = this.#width;
    const rows = new Float32Array(this.#llama.bytes(address, count * width * 4));
    for (let i = 0; i < count; i++) visit(first + i, rows.subarray(i * width, (i + 1) * width));
  }
}
