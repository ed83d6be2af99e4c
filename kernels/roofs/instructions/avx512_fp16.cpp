#include <immintrin.h>

#include "roofs/chains.h"
#include "roofs/kernels.h"

namespace ridgepoint {

int64_t peak_f16_avx512_fp16(int64_t rounds) {
  __m512i bits = _mm512_set1_epi16(0x3800);  // 0.5
  hide(bits);
  const auto half = (__m512h)bits;
  return chains<24>(rounds, 64, half, [&](__m512h value) { return _mm512_fmadd_ph(value, half, half); });
}

}  // namespace ridgepoint
