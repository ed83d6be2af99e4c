import { type TensorType, tensorType } from '../../core/techniques/tensor-types.js';
import { GgufError } from './reader.js';

/** @returns the type of a name in lower case. @throws GgufError for one ggml does not have. */
export function typeNamed(name: string): TensorType {
  const type = tensorType(name);
  if (type === null) throw new GgufError(`ggml has no tensor type ${JSON.stringify(name)}`);
  return type;
}

/**
 * @param what names the tensor in errors.
 * @returns the bytes that a tensor takes.
 * @throws GgufError when its rows are not whole blocks, or when it is larger than any file.
 */
export function bytesOfTensor(what: string, type: TensorType, shape: readonly number[]): number {
  const row = shape[0] ?? 1;
  if (row % type.blockWeights !== 0) {
    throw new GgufError(
      `${what} has rows of ${row} weights, which ${type.name} cannot hold (blocks of ${type.blockWeights})`,
    );
  }
  // Each factor is exact up to 2^53 and the product is checked at every step, so nothing wraps around.
  let weights = 1;
  for (const length of shape) {
    weights *= length;
    if (!Number.isSafeInteger(weights))
      throw new GgufError(`${what} has more weights than any file can hold`);
  }
  const bytes = (weights / type.blockWeights) * type.blockBytes;
  if (!Number.isSafeInteger(bytes)) throw new GgufError(`${what} has more bytes than any file can hold`);
  return bytes;
}
