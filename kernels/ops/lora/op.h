#pragma once

#include "ops/op.h"

namespace ridgepoint::ops {

Op lora();

}  // namespace ridgepoint::ops
