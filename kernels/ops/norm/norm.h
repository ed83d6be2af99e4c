// Normalization of rows: y = a x / rms(x), and y = a (x - mean(x)) / sd(x) + b.
#pragma once

#include "cpu/levels.h"
#include "ops/products/rowwise.h"

namespace ridgepoint {

// Keeps a row of zeros from being divided by zero, as Llama's does.
constexpr float EPSILON = 1e-5f;

RIDGE_DECLARE_LEVELS(rms_norm_rows, RowwiseKernel)
RIDGE_DECLARE_LEVELS(layer_norm_rows, RowwiseKernel)

}  // namespace ridgepoint
