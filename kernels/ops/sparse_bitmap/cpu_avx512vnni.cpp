#include "ops/matrices/avx512_int4_tiles.h"
#include "ops/matrices/avx512_rows.h"
#include "ops/matrices/avx512_tiles.h"

namespace ridgepoint::avx512vnni {

RIDGE_ROWS(bitmap_int8, all_tiles<TilesInt8, MaskedTiles>)
RIDGE_ROWS(bitmap_int4, all_int4_tiles)

}  // namespace ridgepoint::avx512vnni
