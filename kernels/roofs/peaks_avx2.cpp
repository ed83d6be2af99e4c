// Without VNNI a dot product of int8 takes three instructions, as engines use them: products of neighbours in 16 bits, their
// sums in 32, and the sum of those.
#include <immintrin.h>

#include "roofs/chains.h"
#include "roofs/peaks.h"

namespace ridgepoint {

int64_t peak_int8_avx2(int64_t rounds) {
  __m256i x = _mm256_set1_epi8(1), ones = _mm256_set1_epi16(1);
  hide(ones);
  return chains<10>(rounds, 64, _mm256_setzero_si256(), [&](__m256i value) {
    hide(x);
    return _mm256_add_epi32(value, _mm256_madd_epi16(_mm256_maddubs_epi16(x, x), ones));
  });
}

}  // namespace ridgepoint
