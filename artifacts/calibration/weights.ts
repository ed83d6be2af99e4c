import { closeSync, openSync, readSync } from 'node:fs';
import { decodeFloats, FLOAT_BYTES, type FloatType } from '../../core/techniques/float-types.js';
import type { Matrix } from '../../core/techniques/pruning/matrix.js';
import { readMatrix } from '../../formats/tensor-matrix.js';
import type { Linear, WalkPlan } from './blocks.js';

/** Reads the weights of a linear layer whole. */
export async function readWeights({ tensor, rows, columns }: Linear): Promise<Matrix> {
  return await readMatrix({ ...tensor, type: tensor.type as FloatType, rows, columns });
}

/** The hidden states before the first block: rows of the token embedding, read as they are needed. */
export function embeddingRows({ embedding, width }: WalkPlan) {
  const { path, type, offset } = embedding;
  const file = openSync(path, 'r');
  return {
    /** @returns tokens · width values. */
    embeddingsOf(tokens: Int32Array): Float32Array {
      const bytes = new Uint8Array(width * FLOAT_BYTES[type]);
      const states = new Float32Array(tokens.length * width);
      tokens.forEach((token, i) => {
        readSync(file, bytes, 0, bytes.length, offset + token * bytes.length);
        states.set(decodeFloats(bytes, type), i * width);
      });
      return states;
    },
    close: () => closeSync(file),
  };
}
