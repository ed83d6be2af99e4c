#pragma once

#include "ops/op.h"

namespace ridgepoint::ops {

Op attention_decode();

}  // namespace ridgepoint::ops
