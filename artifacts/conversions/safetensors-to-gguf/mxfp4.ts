/** What the name of weights that are kept as MXFP4 ends in, in the tables of architectures. */
export const MXFP4_END = '_mxfp4';

/** Weights of a block (OCP Microscaling, section 5.2), and the bytes of its values. */
export const [BLOCK, VALUE_BYTES] = [32, 16] as const;
/** Of ggml's block: the scale, then the values (ggml-common.h, block_mxfp4). */
export const BLOCK_BYTES = 1 + VALUE_BYTES;

/**
 * Folders have values and scales apart, and neighbours share a byte; in ggml it is halves of a block that do.
 * @returns blocks as ggml has them.
 */
export function ggmlBlocks(values: Uint8Array, scales: Uint8Array): Uint8Array {
  const out = new Uint8Array(scales.length * BLOCK_BYTES);
  for (let block = 0; block < scales.length; block++) {
    const [from, to] = [block * VALUE_BYTES, block * BLOCK_BYTES];
    const value = (i: number) => (values[from + (i >> 1)]! >> (4 * (i & 1))) & 15;
    out[to] = scales[block]!;
    for (let i = 0; i < VALUE_BYTES; i++) out[to + 1 + i] = value(i) | (value(i + VALUE_BYTES) << 4);
  }
  return out;
}

/** @returns the values of ggml's blocks as folders have them: the inverse of `ggmlBlocks`. */
export function folderValues(blocks: Uint8Array): Uint8Array {
  const out = new Uint8Array((blocks.length / BLOCK_BYTES) * VALUE_BYTES);
  for (let from = 0, to = 0; from < blocks.length; from += BLOCK_BYTES, to += VALUE_BYTES) {
    const value = (i: number) => (blocks[from + 1 + (i % VALUE_BYTES)]! >> (i < VALUE_BYTES ? 0 : 4)) & 15;
    for (let i = 0; i < VALUE_BYTES; i++) out[to + i] = value(2 * i) | (value(2 * i + 1) << 4);
  }
  return out;
}

/** @returns the scales of ggml's blocks. */
export function folderScales(blocks: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: blocks.length / BLOCK_BYTES }, (_, block) => blocks[block * BLOCK_BYTES]!);
}
