#include "ops/sparse_blocks/sparse_blocks.h"
#include "ops/matrices/avx512_tiles.h"

namespace ridgepoint::avx512vnni {

void blocks_int8(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {
  all_tiles<TilesSigned, BlockTiles>(w, x, begin, end, y);
}

}  // namespace ridgepoint::avx512vnni
