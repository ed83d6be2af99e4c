#include "ops/matrices/avx512_dense.h"
#include "ops/matrices/avx512_rows.h"

namespace ridgepoint::avx512 {

RIDGE_ROWS(gemv_f32, dense_rows<LanesF32>)
RIDGE_ROWS(gemv_f16, dense_rows<LanesF16>)

}  // namespace ridgepoint::avx512
