#include "ops/matrices/avx2_neon_dense.h"
#include "ops/matrices/avx2_neon_rows.h"
#include "ops/matrices/lanes16_tiles.h"

namespace ridgepoint::RIDGE_LEVEL {

using ops::Packed;
using ops::Rounded;

void dense_f32(const Packed& w, const Rounded& x, int64_t begin, int64_t end, float* y) {
  dense_rows<ColumnsF32>(w, x, begin, end, y);
}
void dense_f16(const Packed& w, const Rounded& x, int64_t begin, int64_t end, float* y) {
  dense_rows<ColumnsF16>(w, x, begin, end, y);
}
void dense_bf16(const Packed& w, const Rounded& x, int64_t begin, int64_t end, float* y) {
  dense_rows<ColumnsBf16>(w, x, begin, end, y);
}

void tiles_f32(const Packed& w, const Rounded& x, int64_t begin, int64_t end, float* y) {
  all_tiles<NumbersF32, MaskedTiles>(w, x, begin, end, y);
}
void tiles_f16(const Packed& w, const Rounded& x, int64_t begin, int64_t end, float* y) {
  all_tiles<NumbersF16, MaskedTiles>(w, x, begin, end, y);
}
void tiles_bf16(const Packed& w, const Rounded& x, int64_t begin, int64_t end, float* y) {
  all_tiles<NumbersBf16, MaskedTiles>(w, x, begin, end, y);
}

void blocks_f32(const Packed& w, const Rounded& x, int64_t begin, int64_t end, float* y) {
  all_tiles<NumbersF32, BlockTiles>(w, x, begin, end, y);
}
void blocks_f16(const Packed& w, const Rounded& x, int64_t begin, int64_t end, float* y) {
  all_tiles<NumbersF16, BlockTiles>(w, x, begin, end, y);
}
void blocks_bf16(const Packed& w, const Rounded& x, int64_t begin, int64_t end, float* y) {
  all_tiles<NumbersBf16, BlockTiles>(w, x, begin, end, y);
}

}  // namespace ridgepoint::RIDGE_LEVEL
