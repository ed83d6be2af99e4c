// Tiles in plain C++: the kept weights one by one.
#pragma once

#include "ops/matrices/rows_kernel.h"

namespace ridgepoint::ops {

// For tiles with masks (pack_tiles) and for blocks (pack_blocks) of a type.
RowsFunction plain_tiles(Type type);
RowsFunction plain_blocks(Type type);

}  // namespace ridgepoint::ops
