#include "ops/gemm/gemm.h"
#include "ops/matrices/avx512_gemm.h"

namespace ridgepoint::avx512 {

void gemm_f32(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {
  gemm_rows<LanesF32, false>(w, x, begin, end, y);
}

void gemm_f16(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {
  gemm_rows<LanesF16, false>(w, x, begin, end, y);
}

}  // namespace ridgepoint::avx512
