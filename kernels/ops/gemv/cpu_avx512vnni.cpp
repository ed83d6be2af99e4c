#include "ops/gemv/gemv.h"
#include "ops/matrices/avx512_dense.h"
#include "ops/matrices/avx512_int4.h"

namespace ridgepoint::avx512vnni {

void gemv_int8(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {
  dense_rows<LanesInt8>(w, x, begin, end, y);
}

void gemv_int4(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {
  int4_rows(w, x, begin, end, y);
}

}  // namespace ridgepoint::avx512vnni
