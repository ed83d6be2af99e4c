#include "ops/sparse_bitmap/sparse_bitmap.h"
#include "ops/matrices/avx512_tiles.h"

namespace ridgepoint::avx512 {

void bitmap_f32(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {
  all_tiles<TilesF32, MaskedTiles>(w, x, begin, end, y);
}

void bitmap_f16(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {
  all_tiles<TilesF16, MaskedTiles>(w, x, begin, end, y);
}

}  // namespace ridgepoint::avx512
