// Dense rows in plain C++: sums in 16 parts, which compilers put into vectors.
#pragma once

#include "ops/matrices/rows_kernel.h"

namespace ridgepoint::ops {
RowsFunctionType plain_f32, plain_f16, plain_bf16, plain_int8, plain_int4;
}  // namespace ridgepoint::ops
