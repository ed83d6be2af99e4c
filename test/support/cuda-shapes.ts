/**
 * Shapes for every op that has CUDA kernels, small and odd: one of everything, tails of rows, columns and
 * tiles, more than one block of each, and more parts than one.
 */
export const CUDA_SHAPES: Readonly<Record<string, readonly (readonly number[])[]>> = {
  gemv: [
    [1, 1],
    [7, 65],
    [33, 1000],
  ],
  gemm: [
    [1, 1, 1],
    [130, 200, 3],
    [40, 96, 131],
  ],
  'sparse-bitmap': [
    [1, 1, 1, 0],
    [9, 1000, 1, 50],
    [130, 200, 3, 70],
    [5, 64, 2, 100],
  ],
  'sparse-2of4': [
    [1, 4, 1],
    [9, 1000, 1],
    [130, 200, 3],
  ],
  'sparse-csr': [
    [1, 1, 1, 0],
    [9, 1000, 1, 50],
    [130, 200, 3, 70],
    [5, 64, 2, 100],
  ],
  'sparse-blocks': [
    [1, 1, 1, 0],
    [9, 1000, 1, 50],
    [40, 200, 3, 70],
    [5, 64, 2, 100],
  ],
  // batch, heads, kvHeads, keyLength, valueLength, context, window, page, splits
  'attention-decode': [
    [1, 1, 1, 16, 16, 1, 0, 0, 0],
    [2, 6, 2, 64, 64, 37, 0, 0, 3],
    [1, 8, 1, 128, 64, 150, 40, 0, 2],
    [2, 4, 2, 64, 128, 90, 0, 16, 4],
    [1, 2, 2, 256, 256, 20, 7, 8, 1],
  ],
  // batch, heads, kvHeads, keyLength, valueLength, depth, tokens, window
  'attention-prefill': [
    [1, 1, 1, 8, 8, 0, 1, 0],
    [1, 2, 1, 64, 64, 0, 70, 0],
    [2, 2, 2, 128, 96, 75, 66, 0],
    [1, 4, 2, 40, 64, 10, 130, 33],
  ],
  // batch, heads, rank, ropeLength, headLength, valueLength, context, splits
  'mla-decode': [
    [1, 1, 16, 8, 8, 8, 1, 0],
    [2, 3, 64, 16, 24, 20, 37, 2],
    [1, 2, 512, 64, 16, 16, 30, 0],
  ],
  // batch, heads, kvHeads, keyLength, valueLength, context, compressBlock, compressStride, selectBlock,
  // selectCount, window, gates
  'nsa-decode': [
    [1, 1, 1, 16, 16, 3, 8, 4, 16, 2, 5, 0],
    [1, 4, 2, 32, 16, 150, 8, 4, 16, 4, 20, 0],
    [2, 4, 1, 64, 64, 203, 16, 16, 32, 3, 40, 0],
    [1, 2, 2, 16, 32, 100, 10, 3, 7, 30, 200, 2],
  ],
  // tokens, inputs, outputs, rank, adapters, dora
  lora: [
    [1, 1, 1, 1, 1, 0],
    [7, 65, 33, 5, 3, 1],
    [6, 128, 70, 40, 2, 0],
  ],
  // tokens, inputs, outputs, experts, used
  moe: [
    [1, 1, 1, 1, 1],
    [7, 65, 33, 4, 2],
    [11, 128, 10, 3, 3],
  ],
  'rms-norm': [
    [1, 1],
    [3, 1000],
  ],
  'layer-norm': [
    [1, 1],
    [3, 1000],
  ],
  softmax: [
    [1, 1],
    [3, 1000],
  ],
  // tokens, heads, length, interleaved
  rope: [
    [1, 1, 2, 0],
    [5, 3, 34, 0],
    [5, 3, 34, 1],
  ],
  'silu-mul': [
    [1, 1],
    [3, 333],
  ],
  gelu: [
    [1, 1],
    [3, 333],
  ],
};
