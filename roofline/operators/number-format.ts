import type { NumberFormat } from '../../core/work/operator-call.js';
import type { Arithmetic } from '../../core/work/work.js';

/** How a product keeps and multiplies numbers. */
interface FormatFacts {
  /** Of weights, with their scales. */
  readonly weightBytes: number;
  /** Of what weights meet. */
  readonly inputBytes: number;
  /** Whose published peak it is held against. */
  readonly arithmetic: Arithmetic;
}

/** Bits of an element of a cache in a format. */
export const cacheBitsOf = (format: NumberFormat) => (format === 'bf16' ? 16 : 8);

/** Blocks of 128 × 128 have a scale of 4 bytes, of nvfp4 16 one of 1 byte, of mxfp4 32 one of 1 byte. */
export const FORMATS: Readonly<Record<NumberFormat, FormatFacts>> = {
  bf16: { weightBytes: 2, inputBytes: 2, arithmetic: 'bf16' },
  fp8: { weightBytes: 1, inputBytes: 1, arithmetic: 'fp8' },
  'fp8-block': { weightBytes: 1 + 4 / 16384, inputBytes: 1 + 4 / 128, arithmetic: 'fp8' },
  nvfp4: { weightBytes: 0.5 + 1 / 16, inputBytes: 0.5 + 1 / 16, arithmetic: 'fp4' },
  mxfp4: { weightBytes: 0.5 + 1 / 32, inputBytes: 2, arithmetic: 'bf16' },
  'mxfp4-mxfp8': { weightBytes: 0.5 + 1 / 32, inputBytes: 1 + 1 / 32, arithmetic: 'fp8' },
  int8: { weightBytes: 1, inputBytes: 2, arithmetic: 'bf16' },
  int4: { weightBytes: 0.5 + 2 / 128, inputBytes: 2, arithmetic: 'bf16' },
};
