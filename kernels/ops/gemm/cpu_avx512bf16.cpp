#include "ops/matrices/avx512_gemm.h"
#include "ops/matrices/avx512_rows.h"

namespace ridgepoint::avx512bf16 {

RIDGE_ROWS(gemm_bf16, gemm_rows<LanesBf16, false>)

}  // namespace ridgepoint::avx512bf16
