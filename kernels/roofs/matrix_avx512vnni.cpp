#include <immintrin.h>

#include "roofs/matrix.h"
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

Tile tile_int8_avx512vnni() { return {14, 32, 4, 1, 1, multiply_tile<Int8, 14, 2>, nullptr, nullptr}; }

}  // namespace ridgepoint
