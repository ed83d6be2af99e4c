// A matrix as kept weights with their columns, row by row (CSR), times one or more vectors.
#pragma once

#include "cpu/levels.h"
#include "ops/matrices/rows_kernel.h"
#include "ops/op.h"

namespace ridgepoint {

namespace avx512 {
ops::RowsFunctionType csr_f32, csr_f16, csr_bf16, csr_int8;
}

}  // namespace ridgepoint
