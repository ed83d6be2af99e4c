#include "ops/gemm/gemm.h"
#include "ops/matrices/avx512_gemm.h"

namespace ridgepoint::avx512bf16 {

void gemm_bf16(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {
  gemm_rows<LanesBf16, false>(w, x, begin, end, y);
}

}  // namespace ridgepoint::avx512bf16
