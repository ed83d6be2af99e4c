#include "ops/gemm/gemm.h"
#include "ops/matrices/avx512_gemm.h"
#include "ops/matrices/avx512_int4.h"

namespace ridgepoint::avx512vnni {

void gemm_int8(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {
  gemm_rows<LanesInt8, true>(w, x, begin, end, y);
}

void gemm_int4(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {
  int4_rows(w, x, begin, end, y);
}

}  // namespace ridgepoint::avx512vnni
