// Sixteen rows with NEON: four registers of four. Include it as lanes16_tiles.h.
#pragma once

#include <arm_neon.h>

#include "ops/matrices/kept.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

struct Lanes16 {
  struct Floats {
    float32x4_t of[4];
  };
  // 32 bits for each row: a whole number, two bfloat16, or four bytes.
  struct Words {
    int32x4_t of[4];
  };
  using Bytes = uint8x16_t;

  template <typename To, typename Make>
  static To each(Make make) {
    return {{make(0), make(1), make(2), make(3)}};
  }

  static Floats zero() { return each<Floats>([](int) { return vdupq_n_f32(0); }); }
  static Words all(int32_t value) { return each<Words>([&](int) { return vdupq_n_s32(value); }); }
  static Words none() { return all(0); }

  static Floats floats(const float* from) { return each<Floats>([&](int i) { return vld1q_f32(from + 4 * i); }); }
  static Floats halves(const uint16_t* from) {
    return each<Floats>([&](int i) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from + 4 * i))); });
  }
  static Words words(const void* from) {
    return each<Words>([&](int i) { return vreinterpretq_s32_u8(vld1q_u8(static_cast<const uint8_t*>(from) + 16 * i)); });
  }

  // Weights of a group of eight places and the one after it.
  static Floats spread_floats(const float* values, const Kept& kept, int group) {
    return each<Floats>([&](int i) { return four_floats(values, kept, group + i / 2, i % 2 != 0); });
  }
  static Floats spread_halves(const uint16_t* values, const Kept& kept, int group) {
    const float16x8_t first = vreinterpretq_f16_s32(eight_halves(values, kept, group));
    const float16x8_t second = vreinterpretq_f16_s32(eight_halves(values, kept, group + 1));
    return {{vcvt_f32_f16(vget_low_f16(first)), vcvt_high_f32_f16(first), vcvt_f32_f16(vget_low_f16(second)), vcvt_high_f32_f16(second)}};
  }
  // Two numbers of 16 bits for each row: four groups.
  static Words spread_pairs(const uint16_t* values, const Kept& kept, int group) {
    return each<Words>([&](int i) { return eight_halves(values, kept, group + i); });
  }
  // Four bytes for each row: all groups. load(n, m): eight bytes from the n-th on, and eight from the m-th on behind them.
  template <typename Load>
  static Words spread_bytes(const Kept& kept, Load load) {
    const uint8x16_t eight = vcombine_u8(vdup_n_u8(0), vdup_n_u8(8));
    return each<Words>([&](int i) {
      const int first = 2 * i, second = 2 * i + 1;
      const uint8x16_t in_eight = eight_and_eight(&ops::kSpread.bytes[kept.places(first)], &ops::kSpread.bytes[kept.places(second)]);
      return words(vqtbl1q_u8(load(kept.before(first), kept.before(second)), vaddq_u8(in_eight, eight)));
    });
  }
  static Bytes eight_and_eight(const void* first, const void* second) {
    return vcombine_u8(vld1_u8(static_cast<const uint8_t*>(first)), vld1_u8(static_cast<const uint8_t*>(second)));
  }
  static Bytes turned(Bytes of, uint8_t bits) { return veorq_u8(of, vdupq_n_u8(bits)); }
  static Bytes low_halves(Bytes of) { return vandq_u8(of, vdupq_n_u8(15)); }
  static Bytes high_halves(Bytes of) { return vshrq_n_u8(of, 4); }
  static Words turned(Words of, uint8_t bits) { return each<Words>([&](int i) { return words(turned(bytes(of.of[i]), bits)); }); }
  static Words low_halves(Words of) { return each<Words>([&](int i) { return words(low_halves(bytes(of.of[i]))); }); }
  static Words high_halves(Words of) { return each<Words>([&](int i) { return words(high_halves(bytes(of.of[i]))); }); }

  static Floats add(Floats a, Floats b) { return each<Floats>([&](int i) { return vaddq_f32(a.of[i], b.of[i]); }); }
  static Words add(Words a, Words b) { return each<Words>([&](int i) { return vaddq_s32(a.of[i], b.of[i]); }); }
  static Floats multiply(Floats a, Floats b) { return each<Floats>([&](int i) { return vmulq_f32(a.of[i], b.of[i]); }); }
  static Floats multiply(Floats a, float b) { return each<Floats>([&](int i) { return vmulq_n_f32(a.of[i], b); }); }
  static Floats floats(Words of) { return each<Floats>([&](int i) { return vcvtq_f32_s32(of.of[i]); }); }
  // sum + a b
  static Floats add_products(Floats a, Floats b, Floats sum) {
    return each<Floats>([&](int i) { return vfmaq_f32(sum.of[i], a.of[i], b.of[i]); });
  }
  static Floats add_products(Floats a, float b, Floats sum) {
    return each<Floats>([&](int i) { return vfmaq_n_f32(sum.of[i], a.of[i], b); });
  }
  // Of two bfloat16 for each row, and the two at x.
  static Floats add_pairs(Words w, const uint16_t* x, Floats sum) {
    const int32x4_t both = two_or_four(x);
    const auto even = [](int32x4_t of) { return vreinterpretq_f32_s32(vshlq_n_s32(of, 16)); };
    const auto odd = [](int32x4_t of) { return vreinterpretq_f32_s32(vandq_s32(of, vdupq_n_s32(-65536))); };
    return each<Floats>([&](int i) {
      return vfmaq_f32(vfmaq_f32(sum.of[i], even(w.of[i]), even(both)), odd(w.of[i]), odd(both));
    });
  }

#if defined(__ARM_FEATURE_DOTPROD)
  // Of four bytes for each row, and the four at x.
  static Words add_bytes(Words w, const int8_t* x, Words sum) {
    const int8x16_t four = vreinterpretq_s8_s32(two_or_four(x));
    return each<Words>([&](int i) { return vdotq_s32(sum.of[i], vreinterpretq_s8_s32(w.of[i]), four); });
  }
  // Sums of products of at most eight times four bytes of 0 to 15, and of as many of activations.
  static Words add_nibbles(Words w, const int8_t* x, Words sum) { return add_bytes(w, x, sum); }
  static Words nibble_sums(Words sum) { return sum; }
#else
  static Words add_bytes(Words w, const int8_t* x, Words sum) {
    const int8x16_t four = vreinterpretq_s8_s32(two_or_four(x));
    return each<Words>([&](int i) { return vpadalq_s16(sum.of[i], pair_sums(w.of[i], four)); });
  }
  // Sixteen bits hold 16 * 15 * 127.
  static Words add_nibbles(Words w, const int8_t* x, Words sum) {
    const int8x16_t four = vreinterpretq_s8_s32(two_or_four(x));
    return each<Words>([&](int i) {
      return vreinterpretq_s32_s16(vaddq_s16(vreinterpretq_s16_s32(sum.of[i]), pair_sums(w.of[i], four)));
    });
  }
  static Words nibble_sums(Words sum) {
    return each<Words>([&](int i) { return vpaddlq_s16(vreinterpretq_s16_s32(sum.of[i])); });
  }
#endif

  // The first `count` rows.
  static void store(float* to, Floats from, int64_t count) {
    float all[16];
    float* at = count >= 16 ? to : all;
    for (int i = 0; i < 4; i++) vst1q_f32(at + 4 * i, from.of[i]);
    if (count < 16) __builtin_memcpy(to, all, static_cast<size_t>(count) * sizeof(float));
  }

 private:
  static int32x4_t words(uint8x16_t of) { return vreinterpretq_s32_u8(of); }
  static uint8x16_t bytes(int32x4_t of) { return vreinterpretq_u8_s32(of); }
  static int32x4_t two_or_four(const void* x) {
    int32_t word;
    __builtin_memcpy(&word, x, 4);
    return vdupq_n_s32(word);
  }
  static float32x4_t four_floats(const float* values, const Kept& kept, int group, bool second) {
    const unsigned places = kept.places(group);
    const int64_t at = kept.before(group) + (second ? __builtin_popcount(places & 15) : 0);
    const uint8x16_t index = vld1q_u8(ops::kSpread.words[second ? places >> 4 : places & 15]);
    return vreinterpretq_f32_u8(vqtbl1q_u8(vreinterpretq_u8_f32(vld1q_f32(values + at)), index));
  }
  static int32x4_t eight_halves(const uint16_t* values, const Kept& kept, int group) {
    const uint8x16_t index = vld1q_u8(ops::kSpread.halves[kept.places(group)]);
    return words(vqtbl1q_u8(vreinterpretq_u8_u16(vld1q_u16(values + kept.before(group))), index));
  }
  // Products of bytes, the first and second and the third and fourth of each row together: at most 2 * 127 * 127.
  static int16x8_t pair_sums(int32x4_t w, int8x16_t x) {
    const int8x16_t bytes = vreinterpretq_s8_s32(w);
    return vpaddq_s16(vmull_s8(vget_low_s8(bytes), vget_low_s8(x)), vmull_high_s8(bytes, x));
  }
};

}  // namespace
}  // namespace ridgepoint::RIDGE_LEVEL
