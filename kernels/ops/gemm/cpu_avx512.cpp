#include "ops/matrices/avx512_gemm.h"
#include "ops/matrices/avx512_rows.h"

namespace ridgepoint::avx512 {

RIDGE_ROWS(gemm_f32, gemm_rows<LanesF32, false>)
RIDGE_ROWS(gemm_f16, gemm_rows<LanesF16, false>)

}  // namespace ridgepoint::avx512
