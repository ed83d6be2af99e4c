// What is compiled once per level (cpu/levels.h).
#pragma once

#include "adapters/adapters.h"
#include "cpu/levels.h"

namespace ridgepoint {

RIDGE_DECLARE_LEVELS(merge_adapter, decltype(ridge_merge_adapter))

}  // namespace ridgepoint
