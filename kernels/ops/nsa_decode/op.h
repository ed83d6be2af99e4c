#pragma once

#include "ops/op.h"

namespace ridgepoint::ops {

Op nsa_decode();

}  // namespace ridgepoint::ops
