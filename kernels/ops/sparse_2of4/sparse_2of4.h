// A matrix that keeps two of four neighbours, times one or more vectors.
#pragma once

#include "cpu/levels.h"
#include "ops/matrices/rows_kernel.h"
#include "ops/op.h"

namespace ridgepoint {

namespace avx512 {
ops::RowsFunctionType even_f32, even_f16;
}
namespace avx512vnni {
ops::RowsFunctionType even_int8;
}
namespace avx512bf16 {
ops::RowsFunctionType even_bf16;
}

}  // namespace ridgepoint
