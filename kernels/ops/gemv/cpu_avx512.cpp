#include "ops/gemv/gemv.h"
#include "ops/matrices/avx512_dense.h"

namespace ridgepoint::avx512 {

void gemv_f32(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {
  dense_rows<LanesF32>(w, x, begin, end, y);
}

void gemv_f16(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {
  dense_rows<LanesF16>(w, x, begin, end, y);
}

}  // namespace ridgepoint::avx512
