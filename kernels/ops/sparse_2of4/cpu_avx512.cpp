#include "ops/matrices/avx512_rows.h"
#include "ops/matrices/avx512_tiles.h"

namespace ridgepoint::avx512 {

RIDGE_ROWS(even_f32, all_tiles<TilesF32, EvenTiles>)
RIDGE_ROWS(even_f16, all_tiles<TilesF16, EvenTiles>)

}  // namespace ridgepoint::avx512
