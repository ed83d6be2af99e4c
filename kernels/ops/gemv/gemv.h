// Dense matrix times vector.
#pragma once

#include "cpu/levels.h"
#include "ops/matrices/rows_kernel.h"
#include "ops/op.h"

namespace ridgepoint {

namespace avx512 {
ops::RowsFunctionType gemv_f32, gemv_f16;
}
namespace avx512vnni {
ops::RowsFunctionType gemv_int8, gemv_int4;
}
namespace avx512bf16 {
ops::RowsFunctionType gemv_bf16;
}

}  // namespace ridgepoint
