#include "roofs/chains.h"
#include "roofs/instructions/mmla.h"

namespace ridgepoint {
namespace {

struct Bf16 {
  using Vector = bfloat16x8_t;
  using Sum = float32x4_t;
  static Vector load(const char* from) { return vld1q_bf16(reinterpret_cast<const bfloat16_t*>(from)); }
  static Sum add(Sum sum, Vector a, Vector b) { return vbfmmlaq_f32(sum, a, b); }
  static void store(int32_t* to, float32x2_t two) { vst1_f32(reinterpret_cast<float*>(to), two); }
  static float32x2_t low(Sum sum) { return vget_low_f32(sum); }
  static float32x2_t high(Sum sum) { return vget_high_f32(sum); }
};

}  // namespace

int64_t peak_bf16_bf16(int64_t rounds) {
  uint16x8_t bits = vdupq_n_u16(0x3f80);
  hide(bits);
  const bfloat16x8_t x = vreinterpretq_bf16_u16(bits);
  return chains<24>(rounds, 16, vdupq_n_f32(0), [&](float32x4_t value) { return vbfdotq_f32(value, x, x); });
}

Tile tile_bf16_bf16() { return {2 * kRowPairs, 2 * kColumnPairs, 2, 2, 2, multiply<Bf16>, nullptr, nullptr}; }

}  // namespace ridgepoint
