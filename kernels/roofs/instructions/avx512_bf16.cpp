#include <immintrin.h>

#include "roofs/chains.h"
#include "roofs/kernels.h"
#include "roofs/tile.h"

namespace ridgepoint {
namespace {

struct Bf16 {
  using Vector = __m512i;
  using Sum = __m512;
  static Vector load(const char* from) { return _mm512_load_si512(from); }
  static Vector splat(const int32_t* from) { return _mm512_set1_epi32(*from); }
  static Sum add(Sum sum, Vector a, Vector b) { return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b); }
  static void store(char* to, Sum sum) { _mm512_store_ps(to, sum); }
};

}  // namespace

int64_t peak_bf16_avx512_bf16(int64_t rounds) {
  __m512i bits = _mm512_set1_epi16(0x3f80);
  hide(bits);
  const auto x = (__m512bh)bits;
  return chains<24>(rounds, 64, _mm512_setzero_ps(), [&](__m512 value) { return _mm512_dpbf16_ps(value, x, x); });
}

Tile tile_bf16_avx512_bf16() { return {14, 32, 2, 1, 1, multiply_tile<Bf16, 14, 2>, nullptr, nullptr}; }

}  // namespace ridgepoint
