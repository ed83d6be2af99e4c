/**
 * Bytes per element of ggml's types: block bytes over block length, from the block structs of ggml-common.h
 * (for instance q8_0: 32 one-byte quants and one half-precision scale, 34 bytes).
 */
export const BYTES_PER_ELEMENT = {
  f32: 4,
  f16: 2,
  bf16: 2,
  q8_0: 34 / 32,
  q4_0: 18 / 32,
  q4_1: 20 / 32,
  q5_0: 22 / 32,
  q5_1: 24 / 32,
  iq4_nl: 18 / 32,
  iq4_xs: 136 / 256,
  q2_k: 84 / 256,
  q3_k: 110 / 256,
  q4_k: 144 / 256,
  q5_k: 176 / 256,
  q6_k: 210 / 256,
} as const satisfies Record<string, number>;

export type TensorType = keyof typeof BYTES_PER_ELEMENT;

/** @returns bytes per element, or null for a type that is not in the table. */
export function bytesPerElement(type: string): number | null {
  return Object.hasOwn(BYTES_PER_ELEMENT, type) ? BYTES_PER_ELEMENT[type as TensorType] : null;
}

/**
 * Bits per weight of whole files by llama.cpp's name of the mixture. Measured on Llama 3.1 8B where
 * llama.cpp's tools/quantize/README.md gives them; plain types by their block.
 */
export const BITS_PER_WEIGHT: Readonly<Record<string, number>> = {
  f32: 32,
  f16: 16.0005,
  bf16: 16.0005,
  q8_0: 8.5008,
  q6_k: 6.5633,
  q5_k_m: 5.7036,
  q5_k_s: 5.5704,
  q5_1: 6,
  q5_0: 5.5,
  q4_k_m: 4.8944,
  q4_k_s: 4.6672,
  q4_1: 5,
  q4_0: 4.5,
  mxfp4_moe: 4.25,
  iq4_nl: 4.6818,
  iq4_xs: 4.4597,
  q3_k_l: 4.2979,
  q3_k_m: 4,
  q3_k_s: 3.6429,
  iq3_m: 3.7628,
  iq3_s: 3.6606,
  iq3_xs: 3.4977,
  iq3_xxs: 3.2548,
  q2_k: 3.1593,
  q2_k_s: 2.9697,
  iq2_m: 2.9294,
  iq2_s: 2.7403,
  iq2_xs: 2.5882,
  iq2_xxs: 2.3824,
  iq1_m: 2.146,
  iq1_s: 2.0042,
  // Without published mixtures: the bits of their block, ggml-common.h.
  q2_0: 2.25,
  tq2_0: 2.0625,
  tq1_0: 1.6875,
  q1_0: 1.125,
};

/**
 * What the mixtures come to when rows are not whole 256-blocks: llama-quantize then falls back to 32-block
 * types (tensor_type_fallback in llama-quant.cpp: q4_k → q5_0, q5_k → q5_1, q6_k → q8_0, smaller ones → q4_0
 * or iq4_nl), and the better tensors of an `_m` or `_l` mixture to the next one up.
 */
export function bitsWithoutFullBlocks(quantization: string): number | null {
  if (/^q6_k/.test(quantization)) return 8.5;
  if (/^q5_k/.test(quantization)) return 6.5;
  if (/^q4_k/.test(quantization)) return 6;
  if (/^(q[23]_k|iq\d|tq\d)/.test(quantization)) return 5;
  return BITS_PER_WEIGHT[quantization] ?? null;
}
