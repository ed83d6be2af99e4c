#include "ops/matrices/avx512_rows.h"
#include "ops/matrices/avx512_tiles.h"

namespace ridgepoint::avx512 {

RIDGE_ROWS(bitmap_f32, all_tiles<TilesF32, MaskedTiles>)
RIDGE_ROWS(bitmap_f16, all_tiles<TilesF16, MaskedTiles>)

}  // namespace ridgepoint::avx512
