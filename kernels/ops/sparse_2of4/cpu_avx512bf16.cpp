#include "ops/sparse_2of4/sparse_2of4.h"
#include "ops/matrices/avx512_tiles.h"

namespace ridgepoint::avx512bf16 {

void even_bf16(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {
  all_tiles<TilesBf16, EvenTiles>(w, x, begin, end, y);
}

}  // namespace ridgepoint::avx512bf16
