#include "roofs/instructions/amx.h"

namespace ridgepoint {
namespace {

RIDGE_AMX_TILE(multiply, _tile_dpbf16ps)

}  // namespace

Tile tile_bf16_amx() { return {32, kColumns, 2, kGroups, 1, multiply, begin, end}; }

}  // namespace ridgepoint
