#include "ops/gemv/gemv.h"
#include "ops/matrices/avx512_dense.h"

namespace ridgepoint::avx512bf16 {

void gemv_bf16(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {
  dense_rows<LanesBf16>(w, x, begin, end, y);
}

}  // namespace ridgepoint::avx512bf16
