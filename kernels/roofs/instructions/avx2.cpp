// Without VNNI a dot product of int8 takes three instructions, as engines use them: products of neighbours in 16 bits, their
// sums in 32, and the sum of those.
#include <immintrin.h>

#include "roofs/chains.h"
#include "roofs/kernels.h"
#include "roofs/tile.h"

namespace ridgepoint {
namespace {

struct Int8 {
  using Vector = __m256i;
  using Sum = __m256i;
  static Vector load(const char* from) { return _mm256_load_si256(reinterpret_cast<const __m256i*>(from)); }
  static Vector splat(const int32_t* from) { return _mm256_set1_epi32(*from); }
  static Sum add(Sum sum, Vector a, Vector b) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), _mm256_set1_epi16(1)));
  }
  static void store(char* to, Sum sum) { _mm256_store_si256(reinterpret_cast<__m256i*>(to), sum); }
};

}  // namespace

int64_t peak_int8_avx2(int64_t rounds) {
  __m256i x = _mm256_set1_epi8(1), ones = _mm256_set1_epi16(1);
  hide(ones);
  return chains<10>(rounds, 64, _mm256_setzero_si256(), [&](__m256i value) {
    hide(x);
    return _mm256_add_epi32(value, _mm256_madd_epi16(_mm256_maddubs_epi16(x, x), ones));
  });
}

Tile tile_int8_avx2() { return {5, 16, 4, 1, 1, multiply_tile<Int8, 5, 2>, nullptr, nullptr}; }

}  // namespace ridgepoint
