// Why a variant that needs a level of instructions cannot run.
#pragma once

#include <string>

#include "cpu/levels.h"

namespace ridgepoint::ops {

// Empty when the level in use has it.
std::string needs(int32_t level);

}  // namespace ridgepoint::ops
