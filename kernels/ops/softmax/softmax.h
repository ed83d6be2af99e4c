// y_i = e^(x_i - max x) / sum of the same, row by row.
#pragma once

#include "cpu/levels.h"
#include "ops/products/rowwise.h"

namespace ridgepoint {

RIDGE_DECLARE_LEVELS(softmax_rows, RowwiseKernel)
RIDGE_DECLARE_LEVELS(softmax_online, RowwiseKernel)

}  // namespace ridgepoint
