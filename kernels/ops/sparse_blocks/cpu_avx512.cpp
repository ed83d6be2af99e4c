#include "ops/sparse_blocks/sparse_blocks.h"
#include "ops/matrices/avx512_tiles.h"

namespace ridgepoint::avx512 {

void blocks_f32(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {
  all_tiles<TilesF32, BlockTiles>(w, x, begin, end, y);
}

void blocks_f16(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {
  all_tiles<TilesF16, BlockTiles>(w, x, begin, end, y);
}

}  // namespace ridgepoint::avx512
