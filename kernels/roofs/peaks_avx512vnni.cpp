#include <immintrin.h>

#include "roofs/chains.h"
#include "roofs/peaks.h"

namespace ridgepoint {

int64_t peak_int8_avx512vnni(int64_t rounds) {
  __m512i x = _mm512_set1_epi8(1);
  hide(x);
  return chains<24>(rounds, 128, _mm512_setzero_si512(),
                    [&](__m512i value) { return _mm512_dpbusd_epi32(value, x, x); });
}

}  // namespace ridgepoint
