/** What llama.cpp's quantizer reads from; it refuses to quantize weights that are quantized already. */
export const FLOAT_TYPES = ['f32', 'f16', 'bf16'] as const;

/**
 * Names that `llama_model_quantize` writes without further input (llama.cpp tools/quantize/quantize.cpp,
 * QUANT_OPTIONS, lower case; its aliases q3_k, q4_k, q5_k are not repeated).
 */
export const QUANTIZATIONS = [
  ...FLOAT_TYPES,
  'q8_0',
  'q6_k',
  'q5_k_m',
  'q5_k_s',
  'q5_0',
  'q5_1',
  'q4_k_m',
  'q4_k_s',
  'q4_0',
  'q4_1',
  'iq4_nl',
  'iq4_xs',
  'mxfp4_moe',
  'q3_k_l',
  'q3_k_m',
  'q3_k_s',
  'iq3_m',
  'iq3_s',
  'q2_k',
  'q2_0',
  'tq2_0',
  'tq1_0',
  'q1_0',
] as const;

/**
 * Names whose tensors need an importance matrix: llama.cpp src/llama-quant.cpp, tensor_requires_imatrix,
 * over the types that each file type gives its tensors (iq3_xs puts iq3_xxs into attention).
 */
export const NEED_IMPORTANCE_MATRIX = [
  'iq3_xs',
  'iq3_xxs',
  'iq2_m',
  'iq2_s',
  'iq2_xs',
  'iq2_xxs',
  'iq1_m',
  'iq1_s',
  'q2_k_s',
] as const;

/** Types that `llama_model_quantize` gives a single tensor (ggml type names, lower case). */
export const TENSOR_TYPES = [
  ...FLOAT_TYPES,
  'q8_0',
  'q6_k',
  'q5_k',
  'q5_0',
  'q5_1',
  'q4_k',
  'q4_0',
  'q4_1',
  'iq4_nl',
  'iq4_xs',
  'mxfp4',
  'q3_k',
  'iq3_s',
  'iq3_xxs',
  'q2_k',
  'iq2_s',
  'iq2_xs',
  'iq2_xxs',
  'iq1_m',
  'iq1_s',
  'q2_0',
  'tq2_0',
  'tq1_0',
  'q1_0',
] as const;

/** Tensor types that `llama_model_quantize` refuses without a matrix for the tensor (tensor_requires_imatrix). */
export const TENSOR_TYPES_WITH_MATRIX = ['iq3_xxs', 'iq2_s', 'iq2_xs', 'iq2_xxs', 'iq1_m', 'iq1_s'] as const;

/**
 * Tensor types that ggml aborts on without a matrix (ggml.c, ggml_quantize_requires_imatrix). No matrix covers
 * the token embedding, which is looked up and not multiplied, nor, as llama-imatrix collects it, the output.
 */
export const NEVER_WITHOUT_MATRIX = ['iq2_xs', 'iq2_xxs', 'iq1_s'] as const;

/** @returns whether a type is in a list of types. */
export function isOneOf(types: readonly string[], type: string): boolean {
  return types.includes(type);
}

/** Types of the key/value cache (llama.cpp common/arg.cpp, kv_cache_types). */
export const KV_CACHE_TYPES = [
  'f32',
  'f16',
  'bf16',
  'q8_0',
  'q4_0',
  'q4_1',
  'iq4_nl',
  'q5_0',
  'q5_1',
] as const;

/** @returns true for a cache type that stores blocks of quantized numbers. */
export function isQuantized(cacheType: unknown): boolean {
  return typeof cacheType === 'string' && !isOneOf(FLOAT_TYPES, cacheType);
}
