import { GgufError } from './reader.js';

/** Tensor types of ggml: weights per block and bytes per block (ggml.c, type_traits), by ggml's number. */
export interface TensorType {
  readonly name: string;
  readonly blockWeights: number;
  readonly blockBytes: number;
}

const type = (name: string, blockWeights: number, blockBytes: number): TensorType => ({
  name,
  blockWeights,
  blockBytes,
});

export const TENSOR_TYPES: ReadonlyMap<number, TensorType> = new Map([
  [0, type('f32', 1, 4)],
  [1, type('f16', 1, 2)],
  [2, type('q4_0', 32, 18)],
  [3, type('q4_1', 32, 20)],
  [6, type('q5_0', 32, 22)],
  [7, type('q5_1', 32, 24)],
  [8, type('q8_0', 32, 34)],
  [9, type('q8_1', 32, 36)],
  [10, type('q2_k', 256, 84)],
  [11, type('q3_k', 256, 110)],
  [12, type('q4_k', 256, 144)],
  [13, type('q5_k', 256, 176)],
  [14, type('q6_k', 256, 210)],
  [15, type('q8_k', 256, 292)],
  [16, type('iq2_xxs', 256, 66)],
  [17, type('iq2_xs', 256, 74)],
  [18, type('iq3_xxs', 256, 98)],
  [19, type('iq1_s', 256, 50)],
  [20, type('iq4_nl', 32, 18)],
  [21, type('iq3_s', 256, 110)],
  [22, type('iq2_s', 256, 82)],
  [23, type('iq4_xs', 256, 136)],
  [24, type('i8', 1, 1)],
  [25, type('i16', 1, 2)],
  [26, type('i32', 1, 4)],
  [27, type('i64', 1, 8)],
  [28, type('f64', 1, 8)],
  [29, type('iq1_m', 256, 56)],
  [30, type('bf16', 1, 2)],
  [34, type('tq1_0', 256, 54)],
  [35, type('tq2_0', 256, 66)],
  [39, type('mxfp4', 32, 17)],
  [40, type('nvfp4', 64, 36)],
  [41, type('q1_0', 128, 18)],
  [42, type('q2_0', 64, 18)],
]);

const BY_NAME: ReadonlyMap<string, TensorType & { readonly number: number }> = new Map(
  [...TENSOR_TYPES].map(([number, known]) => [known.name, { number, ...known }]),
);

/** @returns the type of a name in lower case, with ggml's number. @throws GgufError for one ggml does not have. */
export function typeNamed(name: string): TensorType & { readonly number: number } {
  const known = BY_NAME.get(name);
  if (known === undefined) throw new GgufError(`ggml has no tensor type ${JSON.stringify(name)}`);
  return known;
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

/** llama.h, enum llama_ftype: what most weights of a file are, by `general.file_type`. */
export const FILE_TYPES: ReadonlyMap<number, string> = new Map([
  [0, 'f32'],
  [1, 'f16'],
  [2, 'q4_0'],
  [3, 'q4_1'],
  [7, 'q8_0'],
  [8, 'q5_0'],
  [9, 'q5_1'],
  [10, 'q2_k'],
  [11, 'q3_k_s'],
  [12, 'q3_k_m'],
  [13, 'q3_k_l'],
  [14, 'q4_k_s'],
  [15, 'q4_k_m'],
  [16, 'q5_k_s'],
  [17, 'q5_k_m'],
  [18, 'q6_k'],
  [19, 'iq2_xxs'],
  [20, 'iq2_xs'],
  [21, 'q2_k_s'],
  [22, 'iq3_xs'],
  [23, 'iq3_xxs'],
  [24, 'iq1_s'],
  [25, 'iq4_nl'],
  [26, 'iq3_s'],
  [27, 'iq3_m'],
  [28, 'iq2_s'],
  [29, 'iq2_m'],
  [30, 'iq4_xs'],
  [31, 'iq1_m'],
  [32, 'bf16'],
  [36, 'tq1_0'],
  [37, 'tq2_0'],
  [38, 'mxfp4_moe'],
  [39, 'nvfp4'],
  [40, 'q1_0'],
  [41, 'q2_0'],
]);
