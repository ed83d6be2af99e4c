// Sixteen rows with AVX2: two registers of eight. Include it as lanes16_tiles.h.
#pragma once

#include "cpu/intrinsics.h"
#include "ops/matrices/kept.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

struct Lanes16 {
  struct Floats {
    __m256 low, high;
  };
  // 32 bits for each row: a whole number, two bfloat16, or four bytes.
  struct Words {
    __m256i low, high;
  };

  using Bytes = __m128i;

  static Floats zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static Words none() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
  static Words all(int32_t value) { return {_mm256_set1_epi32(value), _mm256_set1_epi32(value)}; }

  static Floats floats(const float* from) { return {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)}; }
  static Floats halves(const uint16_t* from) { return {_mm256_cvtph_ps(eight(from)), _mm256_cvtph_ps(eight(from + 8))}; }
  static Words words(const void* from) {
    const auto* at = static_cast<const __m256i*>(from);
    return {_mm256_loadu_si256(at), _mm256_loadu_si256(at + 1)};
  }

  // Weights of a group of eight places and the one after it.
  static Floats spread_floats(const float* values, const Kept& kept, int group) {
    return {eight_floats(values, kept, group), eight_floats(values, kept, group + 1)};
  }
  static Floats spread_halves(const uint16_t* values, const Kept& kept, int group) {
    return {_mm256_cvtph_ps(eight_halves(values, kept, group)), _mm256_cvtph_ps(eight_halves(values, kept, group + 1))};
  }
  // Two numbers of 16 bits for each row: four groups.
  static Words spread_pairs(const uint16_t* values, const Kept& kept, int group) {
    return {_mm256_set_m128i(eight_halves(values, kept, group + 1), eight_halves(values, kept, group)),
            _mm256_set_m128i(eight_halves(values, kept, group + 3), eight_halves(values, kept, group + 2))};
  }
  // Four bytes for each row: all groups. load(n, m): eight bytes from the n-th on, and eight from the m-th on behind them.
  template <typename Load>
  static Words spread_bytes(const Kept& kept, Load load) {
    const auto part = [&](int group) {
      const __m128i in_eight = eight_and_eight(&ops::kSpread.bytes[kept.places(group)], &ops::kSpread.bytes[kept.places(group + 1)]);
      const __m128i in_sixteen = _mm_add_epi8(in_eight, _mm_set_epi64x(0x0808080808080808, 0));
      return _mm_shuffle_epi8(load(kept.before(group), kept.before(group + 1)), in_sixteen);
    };
    const __m128i first = part(0), second = part(2), third = part(4), fourth = part(6);
    return {_mm256_set_m128i(second, first), _mm256_set_m128i(fourth, third)};
  }
  static Bytes eight_and_eight(const void* first, const void* second) {
    const auto low = _mm_castsi128_ps(_mm_loadl_epi64(static_cast<const __m128i*>(first)));
    return _mm_castps_si128(_mm_loadh_pi(low, static_cast<const __m64*>(second)));
  }
  static Bytes turned(Bytes of, uint8_t bits) { return _mm_xor_si128(of, _mm_set1_epi8(static_cast<char>(bits))); }
  static Bytes low_halves(Bytes of) { return _mm_and_si128(of, _mm_set1_epi8(15)); }
  static Bytes high_halves(Bytes of) { return low_halves(_mm_srli_epi16(of, 4)); }
  static Words turned(Words of, uint8_t bits) {
    const __m256i all = _mm256_set1_epi8(static_cast<char>(bits));
    return {_mm256_xor_si256(of.low, all), _mm256_xor_si256(of.high, all)};
  }
  static Words low_halves(Words of) {
    const __m256i low = _mm256_set1_epi8(15);
    return {_mm256_and_si256(of.low, low), _mm256_and_si256(of.high, low)};
  }
  static Words high_halves(Words of) { return low_halves({_mm256_srli_epi16(of.low, 4), _mm256_srli_epi16(of.high, 4)}); }

  static Floats add(Floats a, Floats b) { return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)}; }
  static Words add(Words a, Words b) { return {_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)}; }
  static Floats multiply(Floats a, Floats b) { return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)}; }
  static Floats multiply(Floats a, float b) { return multiply(a, {_mm256_set1_ps(b), _mm256_set1_ps(b)}); }
  static Floats floats(Words of) { return {_mm256_cvtepi32_ps(of.low), _mm256_cvtepi32_ps(of.high)}; }
  // sum + a b
  static Floats add_products(Floats a, Floats b, Floats sum) {
    return {_mm256_fmadd_ps(a.low, b.low, sum.low), _mm256_fmadd_ps(a.high, b.high, sum.high)};
  }
  static Floats add_products(Floats a, float b, Floats sum) {
    const __m256 all = _mm256_set1_ps(b);
    return {_mm256_fmadd_ps(a.low, all, sum.low), _mm256_fmadd_ps(a.high, all, sum.high)};
  }
  // Of two bfloat16 for each row, and the two at x.
  static Floats add_pairs(Words w, const uint16_t* x, Floats sum) {
    int32_t two;
    __builtin_memcpy(&two, x, 4);
    const __m256i both = _mm256_set1_epi32(two);
    const auto even = [](__m256i of) { return _mm256_castsi256_ps(_mm256_slli_epi32(of, 16)); };
    const auto odd = [](__m256i of) { return _mm256_castsi256_ps(_mm256_and_si256(of, _mm256_set1_epi32(-65536))); };
    sum = {_mm256_fmadd_ps(even(w.low), even(both), sum.low), _mm256_fmadd_ps(even(w.high), even(both), sum.high)};
    return {_mm256_fmadd_ps(odd(w.low), odd(both), sum.low), _mm256_fmadd_ps(odd(w.high), odd(both), sum.high)};
  }
  // Of four bytes for each row, -127 to 127, and the four at x: products of magnitudes with what has the sign of both, for
  // one factor has to be unsigned. Sums of two fit 16 bits.
  static Words add_bytes(Words w, const int8_t* x, Words sum) {
    const __m256i four = four_bytes(x);
    const auto half = [four](__m256i of, __m256i to) { return add_four(to, _mm256_abs_epi8(of), _mm256_sign_epi8(four, of)); };
    return {half(w.low, sum.low), half(w.high, sum.high)};
  }

  // Sums of products of at most eight times four bytes of 0 to 15, and of as many of activations.
#if defined(__AVXVNNI__)
  static Words add_nibbles(Words w, const int8_t* x, Words sum) {
    const __m256i four = four_bytes(x);
    return {add_four(sum.low, w.low, four), add_four(sum.high, w.high, four)};
  }
  static Words nibble_sums(Words sum) { return sum; }
#else
  // Sixteen bits hold 16 * 15 * 127.
  static Words add_nibbles(Words w, const int8_t* x, Words sum) {
    const __m256i four = four_bytes(x);
    return {_mm256_add_epi16(sum.low, _mm256_maddubs_epi16(w.low, four)), _mm256_add_epi16(sum.high, _mm256_maddubs_epi16(w.high, four))};
  }
  static Words nibble_sums(Words sum) {
    const __m256i ones = _mm256_set1_epi16(1);
    return {_mm256_madd_epi16(sum.low, ones), _mm256_madd_epi16(sum.high, ones)};
  }
#endif

  // The first `count` rows.
  static void store(float* to, Floats from, int64_t count) {
    if (count >= 16) {
      _mm256_storeu_ps(to, from.low);
      _mm256_storeu_ps(to + 8, from.high);
      return;
    }
    float all[16];
    _mm256_storeu_ps(all, from.low);
    _mm256_storeu_ps(all + 8, from.high);
    __builtin_memcpy(to, all, static_cast<size_t>(count) * sizeof(float));
  }

 private:
  static __m256i four_bytes(const int8_t* x) {
    int32_t four;
    __builtin_memcpy(&four, x, 4);
    return _mm256_set1_epi32(four);
  }
  static __m256i add_four(__m256i sum, __m256i unsigned_bytes, __m256i bytes) {
#if defined(__AVXVNNI__)
    return _mm256_dpbusd_avx_epi32(sum, unsigned_bytes, bytes);
#else
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(unsigned_bytes, bytes), _mm256_set1_epi16(1)));
#endif
  }
  static __m128i eight(const uint16_t* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); }
  static __m256 eight_floats(const float* values, const Kept& kept, int group) {
    const __m256i at = _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(&ops::kSpread.bytes[kept.places(group)])));
    const __m256 spread = _mm256_permutevar8x32_ps(_mm256_loadu_ps(values + kept.before(group)), at);
    return _mm256_andnot_ps(_mm256_castsi256_ps(_mm256_srai_epi32(at, 31)), spread);
  }
  static __m128i eight_halves(const uint16_t* values, const Kept& kept, int group) {
    const auto* at = reinterpret_cast<const __m128i*>(ops::kSpread.halves[kept.places(group)]);
    return _mm_shuffle_epi8(eight(values + kept.before(group)), _mm_load_si128(at));
  }
};

}  // namespace
}  // namespace ridgepoint::RIDGE_LEVEL
