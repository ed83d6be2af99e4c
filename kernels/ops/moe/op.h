#pragma once

#include "ops/op.h"

namespace ridgepoint::ops {

Op moe();

}  // namespace ridgepoint::ops
