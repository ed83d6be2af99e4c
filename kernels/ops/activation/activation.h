// silu(x) * second, the middle of a gated feed-forward layer; and gelu(x) by its tanh form.
#pragma once

#include "cpu/levels.h"
#include "ops/products/rowwise.h"

namespace ridgepoint {

RIDGE_DECLARE_LEVELS(silu_mul_rows, RowwiseKernel)
RIDGE_DECLARE_LEVELS(gelu_rows, RowwiseKernel)

}  // namespace ridgepoint
