/**
 * What ggml's CPU products multiply weights of a type in (ggml-cpu.c, vec_dot_type): quantized ones meet
 * int8.
 */
export type ProductArithmetic = 'f32' | 'f16' | 'bf16' | 'int8';

/**
 * Who needs an importance matrix for the type. `llama-quantize`: the quantizer refuses the type without one
 * for the tensor (llama-quant.cpp, tensor_requires_imatrix). `ggml`: ggml itself aborts as well (ggml.c,
 * ggml_quantize_requires_imatrix). No importance covers the token embedding, which is looked up and not
 * multiplied, or the output, which llama-imatrix does not collect.
 */
export type MatrixNeed = 'llama-quantize' | 'ggml';

/** A type of tensors as ggml stores them. */
export interface TensorType {
  /** ggml's name in lower case: `q4_k`. */
  readonly name: string;
  /** ggml's number (ggml.h, enum ggml_type). */
  readonly number: number;
  readonly blockWeights: number;
  readonly blockBytes: number;
  /**
   * `float` and `quantized` store weights; `scratch` is what inputs are rounded to on the way, `number` no
   * weight at all.
   */
  readonly kind: 'float' | 'quantized' | 'scratch' | 'number';
  /** null where no product of ggml takes it as weights. */
  readonly arithmetic: ProductArithmetic | null;
  /** null = it can be written without one. */
  readonly needsMatrix: MatrixNeed | null;
  /** `llama_model_quantize` gives it to a single tensor. */
  readonly written: boolean;
  /** llama.cpp's key/value cache takes it (common/arg.cpp, kv_cache_types). */
  readonly inCache: boolean;
}

type Marks = Partial<Pick<TensorType, 'needsMatrix' | 'written' | 'inCache'>>;

const float = (number: number, name: string, bytes: number, arithmetic: ProductArithmetic): TensorType => ({
  name,
  number,
  blockWeights: 1,
  blockBytes: bytes,
  kind: 'float',
  arithmetic,
  needsMatrix: null,
  written: true,
  inCache: true,
});

const quantized = (number: number, name: string, weights: number, bytes: number, marks: Marks = {}) =>
  ({
    name,
    number,
    blockWeights: weights,
    blockBytes: bytes,
    kind: 'quantized',
    arithmetic: 'int8',
    needsMatrix: null,
    written: true,
    inCache: false,
    ...marks,
  }) satisfies TensorType;

const typeWithoutName = (
  kind: 'scratch' | 'number',
  number: number,
  name: string,
  weights: number,
  bytes: number,
) =>
  ({
    name,
    number,
    blockWeights: weights,
    blockBytes: bytes,
    kind,
    arithmetic: null,
    needsMatrix: null,
    written: false,
    inCache: false,
  }) satisfies TensorType;

/**
 * Every type of ggml: block lengths and bytes by the structs of ggml-common.h (q8_0: 32 one-byte quants and
 * one half-precision scale, 34 bytes). The one table of types; a test holds it against the engine's own. Best
 * first, as they are offered.
 */
export const TENSOR_TYPES: readonly TensorType[] = [
  float(0, 'f32', 4, 'f32'),
  float(1, 'f16', 2, 'f16'),
  float(30, 'bf16', 2, 'bf16'),
  quantized(8, 'q8_0', 32, 34, { inCache: true }),
  quantized(14, 'q6_k', 256, 210),
  quantized(13, 'q5_k', 256, 176),
  quantized(6, 'q5_0', 32, 22, { inCache: true }),
  quantized(7, 'q5_1', 32, 24, { inCache: true }),
  quantized(12, 'q4_k', 256, 144),
  quantized(2, 'q4_0', 32, 18, { inCache: true }),
  quantized(3, 'q4_1', 32, 20, { inCache: true }),
  quantized(20, 'iq4_nl', 32, 18, { inCache: true }),
  quantized(23, 'iq4_xs', 256, 136),
  quantized(39, 'mxfp4', 32, 17),
  quantized(40, 'nvfp4', 64, 36, { written: false }),
  quantized(11, 'q3_k', 256, 110),
  quantized(21, 'iq3_s', 256, 110),
  quantized(18, 'iq3_xxs', 256, 98, { needsMatrix: 'llama-quantize' }),
  quantized(10, 'q2_k', 256, 84),
  quantized(22, 'iq2_s', 256, 82, { needsMatrix: 'llama-quantize' }),
  quantized(17, 'iq2_xs', 256, 74, { needsMatrix: 'ggml' }),
  quantized(16, 'iq2_xxs', 256, 66, { needsMatrix: 'ggml' }),
  quantized(29, 'iq1_m', 256, 56, { needsMatrix: 'llama-quantize' }),
  quantized(19, 'iq1_s', 256, 50, { needsMatrix: 'ggml' }),
  quantized(42, 'q2_0', 64, 18),
  quantized(35, 'tq2_0', 256, 66),
  quantized(34, 'tq1_0', 256, 54),
  quantized(41, 'q1_0', 128, 18),
  typeWithoutName('scratch', 9, 'q8_1', 32, 36),
  typeWithoutName('scratch', 15, 'q8_k', 256, 292),
  typeWithoutName('number', 28, 'f64', 1, 8),
  typeWithoutName('number', 24, 'i8', 1, 1),
  typeWithoutName('number', 25, 'i16', 1, 2),
  typeWithoutName('number', 26, 'i32', 1, 4),
  typeWithoutName('number', 27, 'i64', 1, 8),
];

const BY_NAME = new Map(TENSOR_TYPES.map((type) => [type.name, type]));
const BY_NUMBER = new Map(TENSOR_TYPES.map((type) => [type.number, type]));

/** @returns null for a name in lower case that ggml does not have. */
export function tensorType(name: string): TensorType | null {
  return BY_NAME.get(name) ?? null;
}

/** @returns null for a number that ggml does not have. */
export function tensorTypeNumbered(number: number): TensorType | null {
  return BY_NUMBER.get(number) ?? null;
}

/** @returns the type of a name that was checked before. @throws Error for one that ggml does not have. */
export function knownTensorType(name: string): TensorType {
  const type = tensorType(name);
  if (type === null) throw new Error(`ggml has no tensor type ${JSON.stringify(name)}`);
  return type;
}

/** @returns the type, where weights are stored in it; null for all other names. */
export function weightType(name: string): TensorType | null {
  const type = tensorType(name);
  return type?.kind === 'float' || type?.kind === 'quantized' ? type : null;
}

/** @returns bytes of an element, scales included. @throws Error for a name that ggml does not have. */
export function bytesPerElement(name: string): number {
  const { blockBytes, blockWeights } = knownTensorType(name);
  return blockBytes / blockWeights;
}

const namesOf = (is: (type: TensorType) => boolean): readonly string[] =>
  TENSOR_TYPES.filter(is).map(({ name }) => name);

/** Types that weights are stored in. */
export const WEIGHT_TYPES = namesOf(({ name }) => weightType(name) !== null);
/** Types that `llama_model_quantize` gives a single tensor. */
export const WRITTEN_TYPES = namesOf(({ written }) => written);
/** Types of llama.cpp's key/value cache. */
export const KV_CACHE_TYPES = namesOf(({ inCache }) => inCache);

/** @returns whether weights of this type are floats, which is what llama.cpp's quantizer reads from. */
export function isFloat(name: unknown): boolean {
  return typeof name === 'string' && tensorType(name)?.kind === 'float';
}

/** @returns whether a type stores blocks of quantized numbers. */
export function isQuantized(name: unknown): boolean {
  return typeof name === 'string' && tensorType(name)?.kind === 'quantized';
}
