#include "ops/matrices/avx512_rows.h"
#include "ops/matrices/avx512_tiles.h"

namespace ridgepoint::avx512vnni {

RIDGE_ROWS(blocks_int8, all_tiles<TilesSigned, BlockTiles>)

}  // namespace ridgepoint::avx512vnni
