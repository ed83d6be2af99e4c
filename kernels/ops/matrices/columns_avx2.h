// How neighbouring columns of a row of each type are held in AVX2's registers and multiplied. Include it as columns.h.
#pragma once

#include "cpu/intrinsics.h"
#include "ops/matrices/rows_kernel.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

// Sums in f32.
struct FloatSums {
  using Sum = __m256;
  static Sum zero() { return _mm256_setzero_ps(); }
  static Sum join(Sum a, Sum b) { return _mm256_add_ps(a, b); }
  static float total(const ops::Packed&, const ops::Rounded&, int64_t, int64_t, Sum sum) {
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
  }
};

struct ColumnsF32 : FloatSums {
  using Element = float;
  using Vector = float;
  using Part = __m256;
  static constexpr int kColumns = 8;
  static const float* vectors(const ops::Rounded& x) { return x.floats; }
  static Part weights(const float* w) { return _mm256_load_ps(w); }
  static Part vector(const float* x) { return _mm256_load_ps(x); }
  static Sum add(Part w, Part x, Sum sum) { return _mm256_fmadd_ps(w, x, sum); }
};

struct ColumnsF16 : ColumnsF32 {
  using Element = uint16_t;
  static Part weights(const uint16_t* w) { return _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(w))); }
};

// Widened: columns of even numbers, and those of odd ones.
struct ColumnsBf16 : FloatSums {
  using Element = uint16_t;
  using Vector = uint16_t;
  struct Part {
    __m256 even, odd;
  };
  static constexpr int kColumns = 16;
  static const uint16_t* vectors(const ops::Rounded& x) { return x.bfloats; }
  static Part weights(const uint16_t* w) {
    const __m256i both = _mm256_load_si256(reinterpret_cast<const __m256i*>(w));
    return {_mm256_castsi256_ps(_mm256_slli_epi32(both, 16)), _mm256_castsi256_ps(_mm256_and_si256(both, _mm256_set1_epi32(-65536)))};
  }
  static Part vector(const uint16_t* x) { return weights(x); }
  static Sum add(Part w, Part x, Sum sum) { return _mm256_fmadd_ps(w.odd, x.odd, _mm256_fmadd_ps(w.even, x.even, sum)); }
};

struct ColumnsInt8 {
  using Element = int8_t;
  using Part = __m256i;
  using Sum = __m256i;
  static constexpr int kColumns = 32;
  static Part weights(const int8_t* w) { return _mm256_load_si256(reinterpret_cast<const __m256i*>(w)); }
  static Part vector(const void* x) { return _mm256_load_si256(static_cast<const __m256i*>(x)); }
  static Sum zero() { return _mm256_setzero_si256(); }
  static Sum join(Sum a, Sum b) { return _mm256_add_epi32(a, b); }
#if defined(__AVXVNNI__)
  // Activations are unsigned: their offset is put right with the sum of the row.
  using Vector = uint8_t;
  static const uint8_t* vectors(const ops::Rounded& x) { return x.shifted; }
  static Sum add(Part w, Part x, Sum sum) { return _mm256_dpbusd_avx_epi32(sum, x, w); }
  static int32_t offset(const ops::Packed& w, int64_t row) { return w.row_offsets[row]; }
#else
  // Products of magnitudes with what has the sign of both: sums of two fit 16 bits.
  using Vector = int8_t;
  static const int8_t* vectors(const ops::Rounded& x) { return x.integers; }
  static Sum add(Part w, Part x, Sum sum) {
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
  static int32_t offset(const ops::Packed&, int64_t) { return 0; }
#endif
  static float total(const ops::Packed& w, const ops::Rounded& x, int64_t row, int64_t b, Sum sum) {
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    half = _mm_add_epi32(half, _mm_unpackhi_epi64(half, half));
    const int32_t all = _mm_cvtsi128_si32(_mm_add_epi32(half, _mm_shuffle_epi32(half, 1))) + offset(w, row);
    return static_cast<float>(all) * (w.row_scales[row] * x.scales[b]);
  }
};

}  // namespace
}  // namespace ridgepoint::RIDGE_LEVEL
