#include <immintrin.h>

#include "roofs/matrix.h"
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

Tile tile_int8_avx2() { return {5, 16, 4, 1, 1, multiply_tile<Int8, 5, 2>, nullptr, nullptr}; }

}  // namespace ridgepoint
