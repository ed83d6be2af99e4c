// A matrix with a bit for each weight and the kept weights, times one or more vectors.
#pragma once

#include "cpu/levels.h"
#include "ops/matrices/rows_kernel.h"
#include "ops/op.h"

namespace ridgepoint {

namespace avx512 {
ops::RowsFunctionType bitmap_f32, bitmap_f16;
}
namespace avx512vnni {
ops::RowsFunctionType bitmap_int8, bitmap_int4;
}
namespace avx512bf16 {
ops::RowsFunctionType bitmap_bf16;
}

}  // namespace ridgepoint
