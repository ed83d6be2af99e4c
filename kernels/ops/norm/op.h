#pragma once

#include "ops/op.h"

namespace ridgepoint::ops {

Op rms_norm();
Op layer_norm();

}  // namespace ridgepoint::ops
