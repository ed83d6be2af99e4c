// Why a variant that needs a level of instructions cannot run.
#pragma once

#include <string>

#include "cpu/levels.h"

namespace ridgepoint::ops {

// Empty when the level in use has it.
std::string needs(int32_t level);
// Empty when AVX-VNNI may be used, which is no level.
std::string needs_avxvnni();

}  // namespace ridgepoint::ops
