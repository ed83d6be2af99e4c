#include "ops/matrices/avx512_rows.h"
#include "ops/matrices/avx512_tiles.h"

namespace ridgepoint::avx512vnni {

RIDGE_ROWS(even_int8, all_tiles<TilesInt8, EvenTiles>)

}  // namespace ridgepoint::avx512vnni
