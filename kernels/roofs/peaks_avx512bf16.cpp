#include <immintrin.h>

#include "roofs/chains.h"
#include "roofs/peaks.h"

namespace ridgepoint {

int64_t peak_bf16_avx512bf16(int64_t rounds) {
  __m512i bits = _mm512_set1_epi16(0x3f80);
  hide(bits);
  const auto x = (__m512bh)bits;
  return chains<24>(rounds, 64, _mm512_setzero_ps(), [&](__m512 value) { return _mm512_dpbf16_ps(value, x, x); });
}

}  // namespace ridgepoint
