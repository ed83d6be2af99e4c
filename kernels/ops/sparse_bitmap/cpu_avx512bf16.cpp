#include "ops/matrices/avx512_rows.h"
#include "ops/matrices/avx512_tiles.h"

namespace ridgepoint::avx512bf16 {

RIDGE_ROWS(bitmap_bf16, all_tiles<TilesBf16, MaskedTiles>)

}  // namespace ridgepoint::avx512bf16
