// Tiles of sparse int4 with AVX-512 VNNI and VBMI2: halves of bytes become bytes, the kept ones are spread, what was pruned is 8,
// which is 0 with the offset that sums of activations put right. Scales are applied once for 32 columns of 16 rows.
#pragma once

#include "cpu/intrinsics.h"
#include "ops/matrices/rows_kernel.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

// The 64 weights of a tile, 0 to 15 each, from up to 32 bytes.
inline __m512i spread_int4(const uint64_t* mask, const uint8_t* values) {
  const __m512i wide = _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(values)));
  // The low half stays, the high one moves into the next byte; 0xa8: (a | b) & c.
  const __m512i bytes = _mm512_ternarylogic_epi32(wide, _mm512_slli_epi16(wide, 4), _mm512_set1_epi8(15), 0xa8);
  return _mm512_mask_expand_epi8(_mm512_set1_epi8(8), _load_mask64(reinterpret_cast<__mmask64*>(const_cast<uint64_t*>(mask))), bytes);
}

template <int B>
inline void int4_panel(const ops::Packed& w, const ops::Rounded& x, int64_t panel, int64_t first, float* y) {
  const int64_t blocks = w.stride / 32;
  const uint64_t* mask = w.mask + panel * (w.stride / 4);
  const auto* values = static_cast<const uint8_t*>(w.values) + w.starts[panel];
  const uint16_t* scales = w.block_scales + panel * 16 * blocks;
  __m512 sums[B];
  for (auto& sum : sums) sum = _mm512_setzero_ps();
  for (int64_t block = 0; block < blocks; block++, mask += 8, scales += 16) {
    _mm_prefetch(reinterpret_cast<const char*>(mask) + 1024, _MM_HINT_T0);
    __m512i parts[8];
#pragma GCC unroll 8
    for (int t = 0; t < 8; t++) {
      parts[t] = spread_int4(mask + t, values);
      values += (_mm_popcnt_u64(mask[t]) + 1) >> 1;
    }
    _mm_prefetch(reinterpret_cast<const char*>(values) + 2048, _MM_HINT_T0);
    _mm_prefetch(reinterpret_cast<const char*>(values) + 2048 + 64, _MM_HINT_T0);
    const __m512 scale = _mm512_cvtph_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(scales)));
#pragma GCC unroll 8
    for (int b = 0; b < B; b++) {
      const int64_t at = (first + b) * blocks + block;
      const auto* four = reinterpret_cast<const int32_t*>(x.integers + at * 32);
      __m512i even = _mm512_set1_epi32(x.offsets[at]);
      __m512i odd = _mm512_setzero_si512();
#pragma GCC unroll 4
      for (int t = 0; t < 8; t += 2) {
        even = _mm512_dpbusd_epi32(even, parts[t], _mm512_set1_epi32(four[t]));
        odd = _mm512_dpbusd_epi32(odd, parts[t + 1], _mm512_set1_epi32(four[t + 1]));
      }
      const __m512 product = _mm512_cvtepi32_ps(_mm512_add_epi32(even, odd));
      sums[b] = _mm512_fmadd_ps(product, _mm512_mul_ps(scale, _mm512_set1_ps(x.scales[at])), sums[b]);
    }
  }
  const int64_t row = panel * 16;
  const int64_t left = w.rows - row;
  const auto valid = static_cast<__mmask16>(left >= 16 ? 0xffff : (1 << left) - 1);
  for (int b = 0; b < B; b++) _mm512_mask_storeu_ps(y + (first + b) * w.rows + row, valid, sums[b]);
}

inline void all_int4_tiles(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {
  for (int64_t panel = begin / 16; panel * 16 < end; panel++) {
    int64_t first = 0;
    for (; first + 8 <= x.batch; first += 8) int4_panel<8>(w, x, panel, first, y);
    for (; first + 4 <= x.batch; first += 4) int4_panel<4>(w, x, panel, first, y);
    for (; first < x.batch; first++) int4_panel<1>(w, x, panel, first, y);
  }
}

}  // namespace
}  // namespace ridgepoint::RIDGE_LEVEL
