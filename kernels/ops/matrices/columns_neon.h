// How neighbouring columns of a row of each type are held in NEON's registers and multiplied. Include it as columns.h.
#pragma once

#include <arm_neon.h>

#include "ops/matrices/rows_kernel.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

// Sums in f32.
struct FloatSums {
  using Sum = float32x4_t;
  static Sum zero() { return vdupq_n_f32(0); }
  static Sum join(Sum a, Sum b) { return vaddq_f32(a, b); }
  static float total(const ops::Packed&, const ops::Rounded&, int64_t, int64_t, Sum sum) { return vaddvq_f32(sum); }
};

struct ColumnsF32 : FloatSums {
  using Element = float;
  using Vector = float;
  using Part = float32x4_t;
  static constexpr int kColumns = 4;
  static const float* vectors(const ops::Rounded& x) { return x.floats; }
  static Part weights(const float* w) { return vld1q_f32(w); }
  static Part vector(const float* x) { return vld1q_f32(x); }
  static Sum add(Part w, Part x, Sum sum) { return vfmaq_f32(sum, w, x); }
};

struct ColumnsF16 : ColumnsF32 {
  using Element = uint16_t;
  static Part weights(const uint16_t* w) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(w))); }
};

// Widened: columns of even numbers, and those of odd ones.
struct ColumnsBf16 : FloatSums {
  using Element = uint16_t;
  using Vector = uint16_t;
  struct Part {
    float32x4_t even, odd;
  };
  static constexpr int kColumns = 8;
  static const uint16_t* vectors(const ops::Rounded& x) { return x.bfloats; }
  static Part weights(const uint16_t* w) {
    const uint32x4_t both = vreinterpretq_u32_u16(vld1q_u16(w));
    return {vreinterpretq_f32_u32(vshlq_n_u32(both, 16)), vreinterpretq_f32_u32(vandq_u32(both, vdupq_n_u32(0xffff0000u)))};
  }
  static Part vector(const uint16_t* x) { return weights(x); }
  static Sum add(Part w, Part x, Sum sum) { return vfmaq_f32(vfmaq_f32(sum, w.even, x.even), w.odd, x.odd); }
};

struct ColumnsInt8 {
  using Element = int8_t;
  using Vector = int8_t;
  using Part = int8x16_t;
  using Sum = int32x4_t;
  static constexpr int kColumns = 16;
  static const int8_t* vectors(const ops::Rounded& x) { return x.integers; }
  static Part weights(const int8_t* w) { return vld1q_s8(w); }
  static Part vector(const int8_t* x) { return vld1q_s8(x); }
  static Sum zero() { return vdupq_n_s32(0); }
  static Sum join(Sum a, Sum b) { return vaddq_s32(a, b); }
#if defined(__ARM_FEATURE_DOTPROD)
  static Sum add(Part w, Part x, Sum sum) { return vdotq_s32(sum, w, x); }
#else
  // Sums of two products, -127 to 127 each, fit 16 bits.
  static Sum add(Part w, Part x, Sum sum) {
    return vpadalq_s16(sum, vmlal_high_s8(vmull_s8(vget_low_s8(w), vget_low_s8(x)), w, x));
  }
#endif
  static float total(const ops::Packed& w, const ops::Rounded& x, int64_t row, int64_t b, Sum sum) {
    return static_cast<float>(vaddvq_s32(sum)) * (w.row_scales[row] * x.scales[b]);
  }
};

}  // namespace
}  // namespace ridgepoint::RIDGE_LEVEL
