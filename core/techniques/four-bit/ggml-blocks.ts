import type { FourBitMatrix } from './engine.js';

/** Weights of a block of MXFP4, and the bytes that ggml gives it (ggml-common.h, block_mxfp4). */
const [BLOCK, BLOCK_BYTES] = [32, 17];

/**
 * @param matrix of MXFP4.
 * @returns blocks as ggml has them: the scale, then codes, of which the two halves of a block share bytes.
 */
export function ggmlBlocks({ codes, scales }: Pick<FourBitMatrix, 'codes' | 'scales'>): Uint8Array {
  const out = new Uint8Array(scales.length * BLOCK_BYTES);
  for (let block = 0; block < scales.length; block++) {
    const [from, to] = [block * BLOCK, block * BLOCK_BYTES];
    out[to] = scales[block]!;
    for (let i = 0; i < BLOCK / 2; i++)
      out[to + 1 + i] = codes[from + i]! | (codes[from + BLOCK / 2 + i]! << 4);
  }
  return out;
}
