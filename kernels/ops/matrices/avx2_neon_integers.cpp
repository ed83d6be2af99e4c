#include "ops/matrices/avx2_neon_dense.h"
#include "ops/matrices/avx2_neon_rows.h"
#include "ops/matrices/lanes16_int4.h"
#include "ops/matrices/lanes16_tiles.h"

namespace ridgepoint::RIDGE_LEVEL {

using ops::Packed;
using ops::Rounded;

void dense_int8(const Packed& w, const Rounded& x, int64_t begin, int64_t end, float* y) {
  dense_rows<ColumnsInt8>(w, x, begin, end, y);
}
void dense_int4(const Packed& w, const Rounded& x, int64_t begin, int64_t end, float* y) {
  all_int4<DenseInt4>(w, x, begin, end, y);
}

void tiles_int8(const Packed& w, const Rounded& x, int64_t begin, int64_t end, float* y) {
  all_tiles<NumbersInt8, MaskedTiles>(w, x, begin, end, y);
}
void blocks_int8(const Packed& w, const Rounded& x, int64_t begin, int64_t end, float* y) {
  all_tiles<NumbersInt8, BlockTiles>(w, x, begin, end, y);
}
void tiles_int4(const Packed& w, const Rounded& x, int64_t begin, int64_t end, float* y) {
  all_int4<SparseInt4>(w, x, begin, end, y);
}

}  // namespace ridgepoint::RIDGE_LEVEL
