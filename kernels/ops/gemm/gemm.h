// Dense matrix times many vectors.
#pragma once

#include "cpu/levels.h"
#include "ops/matrices/rows_kernel.h"
#include "ops/op.h"

namespace ridgepoint {

namespace avx512 {
ops::RowsFunctionType gemm_f32, gemm_f16;
}
namespace avx512vnni {
ops::RowsFunctionType gemm_int8, gemm_int4;
}
namespace avx512bf16 {
ops::RowsFunctionType gemm_bf16;
}

}  // namespace ridgepoint
