// The three instructions of avx2.cpp at twice the width, for processors with AVX-512 and without VNNI (Skylake-X).
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
  static Sum add(Sum sum, Vector a, Vector b) {
    return _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_maddubs_epi16(a, b), _mm512_set1_epi16(1)));
  }
  static void store(char* to, Sum sum) { _mm512_store_si512(to, sum); }
};

}  // namespace

int64_t peak_int8_avx512bw(int64_t rounds) {
  __m512i x = _mm512_set1_epi8(1), ones = _mm512_set1_epi16(1);
  hide(ones);
  return chains<24>(rounds, 128, _mm512_setzero_si512(), [&](__m512i value) {
    hide(x);
    return _mm512_add_epi32(value, _mm512_madd_epi16(_mm512_maddubs_epi16(x, x), ones));
  });
}

Tile tile_int8_avx512bw() { return {12, 32, 4, 1, 1, multiply_tile<Int8, 12, 2>, nullptr, nullptr}; }

}  // namespace ridgepoint
