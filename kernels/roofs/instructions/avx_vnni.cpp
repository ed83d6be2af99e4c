// AVX-VNNI-INT8 has the same products for other signs at the same rate: it is no ceiling of its own.
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
  static Sum add(Sum sum, Vector a, Vector b) { return _mm256_dpbusd_avx_epi32(sum, a, b); }
  static void store(char* to, Sum sum) { _mm256_store_si256(reinterpret_cast<__m256i*>(to), sum); }
};

}  // namespace

int64_t peak_int8_avx_vnni(int64_t rounds) {
  __m256i x = _mm256_set1_epi8(1);
  hide(x);
  return chains<12>(rounds, 64, _mm256_setzero_si256(),
                    [&](__m256i value) { return _mm256_dpbusd_avx_epi32(value, x, x); });
}

Tile tile_int8_avx_vnni() { return {6, 16, 4, 1, 1, multiply_tile<Int8, 6, 2>, nullptr, nullptr}; }

}  // namespace ridgepoint
