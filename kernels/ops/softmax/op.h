#pragma once

#include "ops/op.h"

namespace ridgepoint::ops {

Op softmax();

}  // namespace ridgepoint::ops
