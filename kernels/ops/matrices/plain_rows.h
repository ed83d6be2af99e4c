// Dense rows in plain C++, for every level of instructions: sums in 16 parts, which compilers put into vectors.
#pragma once

#include "cpu/levels.h"
#include "ops/matrices/rows_kernel.h"

namespace ridgepoint {
RIDGE_DECLARE_LEVELS(plain_f32, ops::RowsFunctionType)
RIDGE_DECLARE_LEVELS(plain_f16, ops::RowsFunctionType)
RIDGE_DECLARE_LEVELS(plain_bf16, ops::RowsFunctionType)
RIDGE_DECLARE_LEVELS(plain_int8, ops::RowsFunctionType)
RIDGE_DECLARE_LEVELS(plain_int4, ops::RowsFunctionType)
}  // namespace ridgepoint
