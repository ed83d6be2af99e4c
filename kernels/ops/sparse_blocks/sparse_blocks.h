// A matrix that keeps blocks of 16 rows and 16 columns, times one or more vectors.
#pragma once

#include "cpu/levels.h"
#include "ops/matrices/rows_kernel.h"
#include "ops/op.h"

namespace ridgepoint {

namespace avx512 {
ops::RowsFunctionType blocks_f32, blocks_f16;
}
namespace avx512vnni {
ops::RowsFunctionType blocks_int8;
}
namespace avx512bf16 {
ops::RowsFunctionType blocks_bf16;
}

}  // namespace ridgepoint
