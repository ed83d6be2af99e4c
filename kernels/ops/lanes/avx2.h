// Eight floats: AVX2, FMA and F16C.
#pragma once

#include <immintrin.h>

#include "ops/lanes/elements.h"

namespace ridgepoint {

struct Avx2 {
  static constexpr int width = 8;
  static constexpr int blockRows = 2;
  static constexpr int blockKeys = 4;
  using V = __m256;

  static V zero() { return _mm256_setzero_ps(); }
  static V set(float value) { return _mm256_set1_ps(value); }
  static V load(const float* from) { return _mm256_loadu_ps(from); }
  static V load(const Half* from) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  }
  static V load(const Brain* from) {
    const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
  }
  static V load(const int8_t* from) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
  }
  // The first n < 8 elements, zeros after them; nothing behind them is touched.
  template <class T>
  static V loadSome(const T* from, int n) {
    T copy[width] = {};
    memcpy(copy, from, static_cast<size_t>(n) * sizeof(T));
    return load(copy);
  }
  static void store(float* to, V value) { _mm256_storeu_ps(to, value); }
  static void store(Half* to, V value) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT));
  }
  static void store(Brain* to, V value) {
    float copy[width];
    _mm256_storeu_ps(copy, value);
    for (int i = 0; i < width; i++) fromFloat(copy[i], to + i);
  }
  template <class T>
  static void storeSome(T* to, V value, int n) {
    T copy[width];
    store(copy, value);
    memcpy(to, copy, static_cast<size_t>(n) * sizeof(T));
  }
  static V add(V a, V b) { return _mm256_add_ps(a, b); }
  static V sub(V a, V b) { return _mm256_sub_ps(a, b); }
  static V mul(V a, V b) { return _mm256_mul_ps(a, b); }
  static V div(V a, V b) { return _mm256_div_ps(a, b); }
  static V max(V a, V b) { return _mm256_max_ps(a, b); }
  static V fma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }

  // e^x = 2^n e^r with |r| <= ln 2 / 2: Taylor's polynomial of degree 7, relative error below 1e-7. Below -87.3 it is 0.
  static V exp(V x) {
    const V kept = _mm256_min_ps(x, set(88.0f));
    const V n = _mm256_round_ps(_mm256_mul_ps(kept, set(1.44269504f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    V r = _mm256_fnmadd_ps(n, set(0.693359375f), kept);
    r = _mm256_fnmadd_ps(n, set(-2.12194440e-4f), r);
    V p = set(1.0f / 5040);
    p = fma(p, r, set(1.0f / 720));
    p = fma(p, r, set(1.0f / 120));
    p = fma(p, r, set(1.0f / 24));
    p = fma(p, r, set(1.0f / 6));
    p = fma(p, r, set(0.5f));
    p = fma(p, r, set(1.0f));
    p = fma(p, r, set(1.0f));
    const __m256i power = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    const V inside = _mm256_cmp_ps(x, set(-87.3f), _CMP_GE_OQ);
    return _mm256_and_ps(inside, mul(p, _mm256_castsi256_ps(power)));
  }

  static float sum(V a) {
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
  }
  static float top(V a) {
    __m128 half = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    half = _mm_max_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
  }
  static void sums4(V a, V b, V c, V d, float* out) {
    const V all = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps(all, 1)));
  }
};

}  // namespace ridgepoint
