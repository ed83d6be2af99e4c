#pragma once

#include "ops/op.h"

namespace ridgepoint::ops {

Op attention_prefill();

}  // namespace ridgepoint::ops
