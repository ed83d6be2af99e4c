#include "ops/matrices/avx512_rows.h"
#include "ops/matrices/avx512_tiles.h"

namespace ridgepoint::avx512 {

RIDGE_ROWS(blocks_f32, all_tiles<TilesF32, BlockTiles>)
RIDGE_ROWS(blocks_f16, all_tiles<TilesF16, BlockTiles>)

}  // namespace ridgepoint::avx512
