import { decodeFloats, FLOAT_BYTES, type FloatType } from '../core/techniques/float-types.js';
import type { Matrix } from '../core/techniques/pruning/matrix.js';
import { readTensor, type Span } from './tensor-data.js';

/** A tensor of two dimensions and float weights, and where it lies. */
export interface FloatMatrix extends Span {
  readonly name: string;
  /** The file that it is in. */
  readonly path: string;
  readonly type: FloatType;
  /** Outputs. */
  readonly rows: number;
  /** Inputs. */
  readonly columns: number;
}

/**
 * Reads a matrix, chunk by chunk into float32. @throws FailureError `model-unreadable` as `readTensor` does.
 */
export async function readMatrix(tensor: FloatMatrix): Promise<Matrix> {
  const { rows, columns, type } = tensor;
  const values = new Float32Array(rows * columns);
  let done = 0;
  // Chunks are of 2^20 bytes, so of whole weights.
  for await (const chunk of readTensor(tensor)) {
    const count = chunk.length / FLOAT_BYTES[type];
    decodeFloats(chunk, type, values.subarray(done, done + count));
    done += count;
  }
  return { rows, columns, values };
}
