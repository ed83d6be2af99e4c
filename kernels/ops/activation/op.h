#pragma once

#include "ops/op.h"

namespace ridgepoint::ops {

Op silu_mul();
Op gelu();

}  // namespace ridgepoint::ops
