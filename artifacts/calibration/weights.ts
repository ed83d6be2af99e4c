import { closeSync, openSync, readSync } from 'node:fs';
import { decodeFloats, FLOAT_BYTES, type FloatType } from '../../core/techniques/float-types.js';
import type { Matrix } from '../../core/techniques/pruning/matrix.js';
import { readTensor } from '../../formats/tensor-data.js';
import type { Linear, WalkPlan } from './blocks.js';

/** Reads the weights of a linear layer whole. */
export async function readWeights({ tensor, rows, columns }: Linear): Promise<Matrix> {
  for await (const bytes of readTensor(tensor, tensor.bytes)) {
    return { rows, columns, values: decodeFloats(bytes, tensor.type as FloatType) };
  }
  return { rows, columns, values: new Float32Array(0) };
}

/** The hidden states before the first block: rows of the token embedding, read as they are needed. */
export class EmbeddingRows {
  readonly #descriptor: number;
  readonly #embedding: WalkPlan['embedding'];
  readonly #width: number;

  constructor({ embedding, width }: WalkPlan) {
    this.#descriptor = openSync(embedding.path, 'r');
    this.#embedding = embedding;
    this.#width = width;
  }

  /** @returns tokens · width values. */
  of(tokens: Int32Array): Float32Array {
    const { type, offset } = this.#embedding;
    const bytes = new Uint8Array(this.#width * FLOAT_BYTES[type]);
    const states = new Float32Array(tokens.length * this.#width);
    tokens.forEach((token, i) => {
      readSync(this.#descriptor, bytes, 0, bytes.length, offset + token * bytes.length);
      states.set(decodeFloats(bytes, type), i * this.#width);
    });
    return states;
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
