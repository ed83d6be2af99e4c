#pragma once

#include "ops/matrices/rows_kernel.h"

namespace ridgepoint::ops {

// int4 in tiles of 16 rows and 32 columns, 256 bytes each, tiles of 16 rows one after the other: of four columns the weights of
// 16 rows are 64 bytes (row r in bytes 4r to 4r + 3), columns 0 to 15 in the low halves of 4 such pieces and 16 to 31 in the
// high. Scales: 16 halves for each tile. Rows behind the last are 0.
Packed pack_int4(const Weights& weights, Arena& arena);

}  // namespace ridgepoint::ops
