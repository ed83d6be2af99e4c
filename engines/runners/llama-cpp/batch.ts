import type { Llama, Pointer, StructValue } from '../../native/llama.js';

/**
 * A llama_batch whose arrays are written in place. They lie in memory that the engine may keep and that
 * never moves (small typed arrays do), and nothing is allocated per step.
 */
export class Batch {
  /** The struct to pass to llama_decode; `n_tokens` says how much of the arrays counts. */
  readonly value: StructValue<'llama_batch'>;
  readonly tokens: Int32Array;
  readonly positions: Int32Array;
  /** Sequence of each token: every token belongs to exactly one. */
  readonly sequences: Int32Array;
  /** 1 where logits are wanted. */
  readonly outputs: Int8Array;
  readonly #llama: Llama;
  readonly #blocks: Pointer[] = [];

  /** @param capacity tokens. */
  constructor(llama: Llama, capacity: number) {
    this.#llama = llama;
    const int32 = (): [Pointer, Int32Array] => {
      const address = this.#allocate('int32_t', capacity);
      return [address, new Int32Array(llama.bytes(address, capacity * 4))];
    };
    const [token, tokens] = int32();
    const [pos, positions] = int32();
    const [n_seq_id, counts] = int32();
    const [ids, sequences] = int32();
    counts.fill(1);
    sequences.fill(0);
    // seq_id is an array of arrays in C; here each points at its own element of one array.
    const seq_id = this.#allocate('uint64_t', capacity);
    const addresses = new BigUint64Array(llama.bytes(seq_id, capacity * 8));
    for (let i = 0; i < capacity; i++) addresses[i] = (ids ?? 0n) + BigInt(4 * i);
    const logits = this.#allocate('int8_t', capacity);
    const outputs = new Int8Array(llama.bytes(logits, capacity)).fill(0);

    this.value = { n_tokens: 0, token, embd: null, pos, n_seq_id, seq_id, logits };
    this.tokens = tokens;
    this.positions = positions;
    this.sequences = sequences;
    this.outputs = outputs;
  }

  #allocate(type: string, length: number): Pointer {
    const address = this.#llama.allocate(type, length);
    this.#blocks.push(address);
    return address;
  }

  free(): void {
    for (const block of this.#blocks.splice(0)) this.#llama.free(block);
  }
}
