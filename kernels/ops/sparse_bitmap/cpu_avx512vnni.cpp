#include "ops/sparse_bitmap/sparse_bitmap.h"
#include "ops/matrices/avx512_int4_tiles.h"
#include "ops/matrices/avx512_tiles.h"

namespace ridgepoint::avx512vnni {

void bitmap_int8(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {
  all_tiles<TilesInt8, MaskedTiles>(w, x, begin, end, y);
}

void bitmap_int4(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {
  all_int4_tiles(w, x, begin, end, y);
}

}  // namespace ridgepoint::avx512vnni
