import { bytesPerElement } from './tensor-types.js';

/** What the tensors of a file are made of: a mixture of tensor types that llama.cpp has a name for. */
export interface FileType {
  /** llama.cpp's name in lower case: `q4_k_m`. */
  readonly name: string;
  /** `general.file_type` of GGUF files (llama.h, enum llama_ftype). */
  readonly number: number;
  /**
   * Of a whole file. Measured on Llama 3.1 8B where llama.cpp's tools/quantize/README.md gives them; of the
   * others the bits of their block.
   */
  readonly bitsPerWeight: number;
  /**
   * How `llama_model_quantize` writes it: `plain` (tools/quantize/quantize.cpp, QUANT_OPTIONS; its aliases
   * q3_k, q4_k, q5_k are not repeated), `with-matrix` where one of its tensors needs an importance matrix
   * (iq3_xs puts iq3_xxs into attention), null = not.
   */
  readonly written: 'plain' | 'with-matrix' | null;
}

const plain = (number: number, name: string, bitsPerWeight = bitsOfBlock(name)): FileType => ({
  name,
  number,
  bitsPerWeight,
  written: 'plain',
});
const withMatrix = (number: number, name: string, bitsPerWeight: number): FileType => ({
  name,
  number,
  bitsPerWeight,
  written: 'with-matrix',
});

/** Best first, as they are offered. */
export const FILE_TYPES: readonly FileType[] = [
  plain(0, 'f32'),
  plain(1, 'f16', 16.0005),
  plain(32, 'bf16', 16.0005),
  plain(7, 'q8_0', 8.5008),
  plain(18, 'q6_k', 6.5633),
  plain(17, 'q5_k_m', 5.7036),
  plain(16, 'q5_k_s', 5.5704),
  plain(8, 'q5_0'),
  plain(9, 'q5_1'),
  plain(15, 'q4_k_m', 4.8944),
  plain(14, 'q4_k_s', 4.6672),
  plain(2, 'q4_0'),
  plain(3, 'q4_1'),
  plain(25, 'iq4_nl', 4.6818),
  plain(30, 'iq4_xs', 4.4597),
  plain(38, 'mxfp4_moe', bitsOfBlock('mxfp4')),
  plain(13, 'q3_k_l', 4.2979),
  plain(12, 'q3_k_m', 4),
  plain(11, 'q3_k_s', 3.6429),
  plain(27, 'iq3_m', 3.7628),
  plain(26, 'iq3_s', 3.6606),
  plain(10, 'q2_k', 3.1593),
  plain(41, 'q2_0'),
  plain(37, 'tq2_0'),
  plain(36, 'tq1_0'),
  plain(40, 'q1_0'),
  withMatrix(22, 'iq3_xs', 3.4977),
  withMatrix(23, 'iq3_xxs', 3.2548),
  withMatrix(29, 'iq2_m', 2.9294),
  withMatrix(28, 'iq2_s', 2.7403),
  withMatrix(20, 'iq2_xs', 2.5882),
  withMatrix(19, 'iq2_xxs', 2.3824),
  withMatrix(31, 'iq1_m', 2.146),
  withMatrix(24, 'iq1_s', 2.0042),
  withMatrix(21, 'q2_k_s', 2.9697),
  { name: 'nvfp4', number: 39, bitsPerWeight: bitsOfBlock('nvfp4'), written: null },
];

function bitsOfBlock(name: string): number {
  return 8 * bytesPerElement(name);
}

const BY_NAME = new Map(FILE_TYPES.map((type) => [type.name, type]));
const BY_NUMBER = new Map(FILE_TYPES.map((type) => [type.number, type]));

/** @returns null for a name that llama.cpp does not have. */
export function fileType(name: string): FileType | null {
  return BY_NAME.get(name) ?? null;
}

/** @returns null for a number that llama.cpp does not have, and for none. */
export function fileTypeNumbered(number: number | null): FileType | null {
  return number === null ? null : (BY_NUMBER.get(number) ?? null);
}

const namesOf = (written: FileType['written']) =>
  FILE_TYPES.filter((type) => type.written === written).map(({ name }) => name);

/** Names that `llama_model_quantize` writes without further input. */
export const QUANTIZATIONS: readonly string[] = namesOf('plain');
/** Names whose tensors need an importance matrix. */
export const NEED_IMPORTANCE_MATRIX: readonly string[] = namesOf('with-matrix');

/**
 * What the mixtures come to when rows are not whole 256-blocks: llama-quantize then falls back to 32-block
 * types (tensor_type_fallback in llama-quant.cpp: q4_k → q5_0, q5_k → q5_1, q6_k → q8_0, smaller ones → q4_0
 * or iq4_nl), and the better tensors of an `_m` or `_l` mixture to the next one up.
 * @returns null for a name that llama.cpp does not have.
 */
export function bitsWithoutFullBlocks(quantization: string): number | null {
  if (/^q6_k/.test(quantization)) return 8.5;
  if (/^q5_k/.test(quantization)) return 6.5;
  if (/^q4_k/.test(quantization)) return 6;
  if (/^(q[23]_k|iq\d|tq\d)/.test(quantization)) return 5;
  return fileType(quantization)?.bitsPerWeight ?? null;
}
