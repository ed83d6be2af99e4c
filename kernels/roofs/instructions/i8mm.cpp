#include "roofs/chains.h"
#include "roofs/instructions/mmla.h"

namespace ridgepoint {
namespace {

struct Int8 {
  using Vector = int8x16_t;
  using Sum = int32x4_t;
  static Vector load(const char* from) { return vld1q_s8(reinterpret_cast<const int8_t*>(from)); }
  static Sum add(Sum sum, Vector a, Vector b) { return vmmlaq_s32(sum, a, b); }
  static void store(int32_t* to, int32x2_t two) { vst1_s32(to, two); }
  static int32x2_t low(Sum sum) { return vget_low_s32(sum); }
  static int32x2_t high(Sum sum) { return vget_high_s32(sum); }
};

}  // namespace

int64_t peak_int8_i8mm(int64_t rounds) {
  int8x16_t x = vdupq_n_s8(1);
  hide(x);
  return chains<24>(rounds, 64, vdupq_n_s32(0), [&](int32x4_t value) { return vmmlaq_s32(value, x, x); });
}

Tile tile_int8_i8mm() { return {2 * kRowPairs, 2 * kColumnPairs, 4, 2, 2, multiply<Int8>, nullptr, nullptr}; }

}  // namespace ridgepoint
