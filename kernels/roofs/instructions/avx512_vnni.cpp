#include <immintrin.h>

#include "roofs/chains.h"
#include "roofs/kernels.h"
#include "roofs/tile.h"

namespace ridgepoint {
namespace {

struct Int8 {
  using Vector = __m512i;
  using Sum = __m512i;
  static Vector load(const char* from) { return _mm512_load_si512(from); }
  static Vector splat(const int32_t* from) { return _mm512_set1_epi32(*from); }
  static Sum add(Sum sum, Vector a, Vector b) { return _mm512_dpbusd_epi32(sum, a, b); }
  static void store(char* to, Sum sum) { _mm512_store_si512(to, sum); }
};

}  // namespace

int64_t peak_int8_avx512_vnni(int64_t rounds) {
  __m512i x = _mm512_set1_epi8(1);
  hide(x);
  return chains<24>(rounds, 128, _mm512_setzero_si512(),
                    [&](__m512i value) { return _mm512_dpbusd_epi32(value, x, x); });
}

Tile tile_int8_avx512_vnni() { return {14, 32, 4, 1, 1, multiply_tile<Int8, 14, 2>, nullptr, nullptr}; }

}  // namespace ridgepoint
