// Tiles of sparse int4 with AVX-512 VNNI and VBMI2: halves of bytes become bytes, the kept ones are spread, what was pruned is 8,
// which is 0 with the offset that sums of activations put right. Scales are applied once for 32 columns of 16 rows.
#pragma once

#include "cpu/intrinsics.h"
#include "ops/matrices/rows_kernel.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

// One of the two streams of a panel: the low halves of its bytes, or the high ones.
template <bool high>
struct Int4Stream {
  const uint8_t* values;

  // The 64 weights of a tile, 0 to 15 each.
  inline __m512i next(const uint64_t* mask) {
    __m512i bytes = _mm512_loadu_si512(values);
    if (high) bytes = _mm512_srli_epi16(bytes, 4);
    bytes = _mm512_and_si512(bytes, _mm512_set1_epi8(15));
    const __mmask64 kept = _load_mask64(reinterpret_cast<__mmask64*>(const_cast<uint64_t*>(mask)));
    values += _mm_popcnt_u64(*mask);
    return _mm512_mask_expand_epi8(_mm512_set1_epi8(8), kept, bytes);
  }
};

// 32 columns of 16 rows times B vectors. block: which of the row's 32 columns.
template <int B, bool high>
inline void int4_block(const ops::Rounded& x, int64_t block, int64_t first, __m512 scale, const uint64_t* mask,
                       Int4Stream<high>& stream, __m512* sums) {
  const int64_t blocks = x.stride / 32;
  __m512i parts[8];
#pragma GCC unroll 8
  for (auto& part : parts) part = stream.next(mask++);
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

template <int B>
inline void int4_panel(const ops::Packed& w, const ops::Rounded& x, int64_t panel, int64_t first, float* y) {
  const int64_t groups = w.stride / 64;
  const uint64_t* mask = w.mask + panel * (w.stride / 4);
  const auto* values = static_cast<const uint8_t*>(w.values) + w.starts[panel];
  const auto* scales = reinterpret_cast<const __m256i*>(w.block_scales + panel * 16 * groups);
  Int4Stream<false> low{values};
  Int4Stream<true> high{values};
  __m512 sums[B];
  for (auto& sum : sums) sum = _mm512_setzero_ps();
  for (int64_t group = 0; group < groups; group++, mask += 16) {
    for (int line = 0; line < 2; line++) _mm_prefetch(reinterpret_cast<const char*>(mask) + ops::kAhead / 2 + 64 * line, _MM_HINT_T0);
    for (int line = 0; line < 4; line++) _mm_prefetch(reinterpret_cast<const char*>(low.values) + ops::kAhead + 64 * line, _MM_HINT_T0);
    const __m512 scale = _mm512_cvtph_ps(_mm256_load_si256(scales + group));
    int4_block<B>(x, 2 * group, first, scale, mask, low, sums);
    int4_block<B>(x, 2 * group + 1, first, scale, mask + 8, high, sums);
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
