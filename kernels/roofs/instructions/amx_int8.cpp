#include "roofs/instructions/amx.h"

namespace ridgepoint {
namespace {

RIDGE_AMX_TILE(multiply, _tile_dpbusd)

}  // namespace

Tile tile_int8_amx() { return {32, kColumns, 4, kGroups, 1, multiply, begin, end}; }

}  // namespace ridgepoint
