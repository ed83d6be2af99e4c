// Four floats: NEON of armv8-a, which converts halves too.
#pragma once

#include <arm_neon.h>

#include "ops/lanes/elements.h"

namespace ridgepoint {

struct Neon {
  static constexpr int width = 4;
  static constexpr int blockRows = 4;
  static constexpr int blockKeys = 4;
  using V = float32x4_t;

  static V zero() { return vdupq_n_f32(0); }
  static V set(float value) { return vdupq_n_f32(value); }
  static V load(const float* from) { return vld1q_f32(from); }
  static V load(const Half* from) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(&from->bits))); }
  static V load(const Brain* from) { return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(&from->bits), 16)); }
  static V load(const int8_t* from) {
    uint32_t four;
    memcpy(&four, from, sizeof four);
    return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vcreate_s8(four)))));
  }
  // The first n < 4 elements, zeros after them; nothing behind them is touched.
  template <class T>
  static V loadSome(const T* from, int n) {
    T copy[width] = {};
    memcpy(copy, from, static_cast<size_t>(n) * sizeof(T));
    return load(copy);
  }
  static void store(float* to, V value) { vst1q_f32(to, value); }
  static void store(Half* to, V value) { vst1_u16(&to->bits, vreinterpret_u16_f16(vcvt_f16_f32(value))); }
  static void store(Brain* to, V value) {
    float copy[width];
    vst1q_f32(copy, value);
    for (int i = 0; i < width; i++) fromFloat(copy[i], to + i);
  }
  template <class T>
  static void storeSome(T* to, V value, int n) {
    T copy[width];
    store(copy, value);
    memcpy(to, copy, static_cast<size_t>(n) * sizeof(T));
  }
  static V add(V a, V b) { return vaddq_f32(a, b); }
  static V sub(V a, V b) { return vsubq_f32(a, b); }
  static V mul(V a, V b) { return vmulq_f32(a, b); }
  static V div(V a, V b) { return vdivq_f32(a, b); }
  static V max(V a, V b) { return vmaxq_f32(a, b); }
  static V fma(V a, V b, V c) { return vfmaq_f32(c, a, b); }

  // As in avx2.h.
  static V exp(V x) {
    const V kept = vminq_f32(x, set(88.0f));
    const V n = vrndnq_f32(vmulq_f32(kept, set(1.44269504f)));
    V r = vfmsq_f32(kept, n, set(0.693359375f));
    r = vfmsq_f32(r, n, set(-2.12194440e-4f));
    V p = set(1.0f / 5040);
    p = fma(p, r, set(1.0f / 720));
    p = fma(p, r, set(1.0f / 120));
    p = fma(p, r, set(1.0f / 24));
    p = fma(p, r, set(1.0f / 6));
    p = fma(p, r, set(0.5f));
    p = fma(p, r, set(1.0f));
    p = fma(p, r, set(1.0f));
    const int32x4_t power = vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127)), 23);
    const uint32x4_t inside = vcgeq_f32(x, set(-87.3f));
    return vreinterpretq_f32_u32(vandq_u32(inside, vreinterpretq_u32_f32(mul(p, vreinterpretq_f32_s32(power)))));
  }

  static float sum(V a) { return vaddvq_f32(a); }
  static float top(V a) { return vmaxvq_f32(a); }
  static void sums4(V a, V b, V c, V d, float* out) { vst1q_f32(out, vpaddq_f32(vpaddq_f32(a, b), vpaddq_f32(c, d))); }
};

}  // namespace ridgepoint
