// Sixteen rows of int4 at a time with AVX-512 VNNI: a lane is a row, so that nothing is added across lanes, the scales of
// sixteen rows are one load, and weights stay unsigned (their offset of 8 is put right with sums of activations).
#pragma once

#include "cpu/intrinsics.h"

#include "ops/matrices/rows_kernel.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

// B vectors times sixteen rows. Packed as pack_int4 says.
template <int B>
inline void int4_tile(const ops::Packed& w, const ops::Rounded& x, int64_t row, int64_t first, float* y) {
  const int64_t blocks = w.stride / 32;
  const auto* values = static_cast<const uint8_t*>(w.values) + row * w.stride / 2;
  const uint16_t* scales = w.block_scales + row * blocks;
  const __m512i low = _mm512_set1_epi8(15);
  __m512 sums[B];
  for (auto& sum : sums) sum = _mm512_setzero_ps();
  for (int64_t block = 0; block < blocks; block++, values += 256, scales += 16) {
    __m512i parts[8];
#pragma GCC unroll 4
    for (int p = 0; p < 4; p++) {
      const __m512i both = _mm512_load_si512(values + 64 * p);
      _mm_prefetch(reinterpret_cast<const char*>(values) + ops::kAhead + 64 * p, _MM_HINT_T0);
      parts[p] = _mm512_and_si512(both, low);
      parts[p + 4] = _mm512_and_si512(_mm512_srli_epi16(both, 4), low);
    }
    const __m512 scale = _mm512_cvtph_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(scales)));
#pragma GCC unroll 8
    for (int b = 0; b < B; b++) {
      const int64_t at = (first + b) * blocks + block;
      const auto* four = reinterpret_cast<const int32_t*>(x.integers + at * 32);
      __m512i even = _mm512_set1_epi32(x.offsets[at]);
      __m512i odd = _mm512_setzero_si512();
#pragma GCC unroll 4
      for (int p = 0; p < 8; p += 2) {
        even = _mm512_dpbusd_epi32(even, parts[p], _mm512_set1_epi32(four[p]));
        odd = _mm512_dpbusd_epi32(odd, parts[p + 1], _mm512_set1_epi32(four[p + 1]));
      }
      const __m512 product = _mm512_cvtepi32_ps(_mm512_add_epi32(even, odd));
      sums[b] = _mm512_fmadd_ps(product, _mm512_mul_ps(scale, _mm512_set1_ps(x.scales[at])), sums[b]);
    }
  }
  const int64_t left = w.rows - row;
  const auto valid = static_cast<__mmask16>(left >= 16 ? 0xffff : (1 << left) - 1);
  for (int b = 0; b < B; b++) _mm512_mask_storeu_ps(y + (first + b) * w.rows + row, valid, sums[b]);
}

inline void int4_rows(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {
  for (int64_t row = begin; row < end; row += 16) {
    int64_t first = 0;
    for (; first + 8 <= x.batch; first += 8) int4_tile<8>(w, x, row, first, y);
    for (; first + 4 <= x.batch; first += 4) int4_tile<4>(w, x, row, first, y);
    for (; first < x.batch; first++) int4_tile<1>(w, x, row, first, y);
  }
}

}  // namespace
}  // namespace ridgepoint::RIDGE_LEVEL
