// Sixteen floats: AVX-512 F, BW, DQ and VL.
#pragma once

// GCC 12 takes the undefined operands of its own intrinsics for mistakes.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop

#include "ops/lanes/elements.h"

namespace ridgepoint {

struct Avx512 {
  static constexpr int width = 16;
  static constexpr int blockRows = 4;
  static constexpr int blockKeys = 4;
  using V = __m512;

  static __mmask16 first(int n) { return static_cast<__mmask16>((1u << n) - 1); }

  static V zero() { return _mm512_setzero_ps(); }
  static V set(float value) { return _mm512_set1_ps(value); }
  static V load(const float* from) { return _mm512_loadu_ps(from); }
  static V load(const Half* from) { return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))); }
  static V load(const Brain* from) { return widened(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))); }
  static V load(const int8_t* from) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
  }
  // The first n < 16 elements, zeros after them; nothing behind them is touched.
  static V loadSome(const float* from, int n) { return _mm512_maskz_loadu_ps(first(n), from); }
  static V loadSome(const Half* from, int n) { return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first(n), from)); }
  static V loadSome(const Brain* from, int n) { return widened(_mm256_maskz_loadu_epi16(first(n), from)); }
  static V loadSome(const int8_t* from, int n) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(first(n), from)));
  }
  static void store(float* to, V value) { _mm512_storeu_ps(to, value); }
  static void store(Half* to, V value) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), halves(value)); }
  static void store(Brain* to, V value) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), brains(value)); }
  static void storeSome(float* to, V value, int n) { _mm512_mask_storeu_ps(to, first(n), value); }
  static void storeSome(Half* to, V value, int n) { _mm256_mask_storeu_epi16(to, first(n), halves(value)); }
  static void storeSome(Brain* to, V value, int n) { _mm256_mask_storeu_epi16(to, first(n), brains(value)); }
  static V add(V a, V b) { return _mm512_add_ps(a, b); }
  static V sub(V a, V b) { return _mm512_sub_ps(a, b); }
  static V mul(V a, V b) { return _mm512_mul_ps(a, b); }
  static V div(V a, V b) { return _mm512_div_ps(a, b); }
  static V max(V a, V b) { return _mm512_max_ps(a, b); }
  static V fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }

  // As in avx2.h.
  static V exp(V x) {
    const V kept = _mm512_min_ps(x, set(88.0f));
    const V n = _mm512_roundscale_ps(_mm512_mul_ps(kept, set(1.44269504f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    V r = _mm512_fnmadd_ps(n, set(0.693359375f), kept);
    r = _mm512_fnmadd_ps(n, set(-2.12194440e-4f), r);
    V p = set(1.0f / 5040);
    p = fma(p, r, set(1.0f / 720));
    p = fma(p, r, set(1.0f / 120));
    p = fma(p, r, set(1.0f / 24));
    p = fma(p, r, set(1.0f / 6));
    p = fma(p, r, set(0.5f));
    p = fma(p, r, set(1.0f));
    p = fma(p, r, set(1.0f));
    const __mmask16 inside = _mm512_cmp_ps_mask(x, set(-87.3f), _CMP_GE_OQ);
    return _mm512_maskz_scalef_ps(inside, p, n);
  }

  static float sum(V a) { return _mm512_reduce_add_ps(a); }
  static float top(V a) { return _mm512_reduce_max_ps(a); }

  // Four sums at the price of little more than one.
  static void sums4(V a, V b, V c, V d, float* out) {
    const V ab = add(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
    const V cd = add(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
    const __m512d low = _mm512_unpacklo_pd(_mm512_castps_pd(ab), _mm512_castps_pd(cd));
    const __m512d high = _mm512_unpackhi_pd(_mm512_castps_pd(ab), _mm512_castps_pd(cd));
    const V all = add(_mm512_castpd_ps(low), _mm512_castpd_ps(high));
    const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(all), _mm512_extractf32x8_ps(all, 1));
    _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1)));
  }

 private:
  static V widened(__m256i bits) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16)); }
  static __m256i halves(V value) { return _mm512_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT); }
  // Round to nearest even by adding; numbers that are not ones stay so.
  static __m256i brains(V value) {
    const __m512i bits = _mm512_castps_si512(value);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    const __mmask16 nan = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
    return _mm512_cvtepi32_epi16(_mm512_mask_mov_epi32(_mm512_srli_epi32(rounded, 16), nan, _mm512_set1_epi32(0x7fc0)));
  }
};

}  // namespace ridgepoint
