#pragma once

#include "ops/op.h"

namespace ridgepoint::ops {

Op rope();

}  // namespace ridgepoint::ops
