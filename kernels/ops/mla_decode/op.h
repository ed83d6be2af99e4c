#pragma once

#include "ops/op.h"

namespace ridgepoint::ops {

Op mla_decode();

}  // namespace ridgepoint::ops
