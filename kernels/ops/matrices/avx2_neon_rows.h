// Kernels for AVX2 and NEON: dense rows (pack_dense, int4 pack_int4), tiles without zeros
// (pack_tiles) and blocks (pack_blocks). Whole numbers also with instructions that add four products at once: AVX-VNNI, and the dot
// products of arm64.
#pragma once

#include "cpu/levels.h"
#include "ops/matrices/rows_kernel.h"

#define RIDGE_AVX2_NEON_FLOATS(level) \
  namespace level { \
  ops::RowsFunctionType dense_f32, dense_f16, dense_bf16, tiles_f32, tiles_f16, tiles_bf16, blocks_f32, blocks_f16, blocks_bf16; \
  }
#define RIDGE_AVX2_NEON_INTEGERS(level) \
  namespace level { ops::RowsFunctionType dense_int8, dense_int4, tiles_int8, tiles_int4, blocks_int8; }

namespace ridgepoint {
#if defined(RIDGE_HAS_AVX2)
RIDGE_AVX2_NEON_FLOATS(avx2)
RIDGE_AVX2_NEON_INTEGERS(avx2)
#endif
#if defined(RIDGE_HAS_AVXVNNI)
RIDGE_AVX2_NEON_INTEGERS(avxvnni)
#endif
#if defined(RIDGE_HAS_NEON)
RIDGE_AVX2_NEON_FLOATS(neon)
RIDGE_AVX2_NEON_INTEGERS(neon)
#endif
#if defined(RIDGE_HAS_DOTPROD)
RIDGE_AVX2_NEON_INTEGERS(dotprod)
#endif
}  // namespace ridgepoint

// The functions of a level in the order of the types: for any of them, and for blocks, which have no int4.
#define RIDGE_DENSE(level) \
  { level::dense_f32, level::dense_f16, level::dense_bf16, level::dense_int8, level::dense_int4 }
#define RIDGE_TILES(level) \
  { level::tiles_f32, level::tiles_f16, level::tiles_bf16, level::tiles_int8, level::tiles_int4 }
#define RIDGE_BLOCKS(level) \
  { level::blocks_f32, level::blocks_f16, level::blocks_bf16, level::blocks_int8 }
