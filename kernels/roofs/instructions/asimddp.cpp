#include <arm_neon.h>

#include "roofs/chains.h"
#include "roofs/kernels.h"
#include "roofs/tile.h"

namespace ridgepoint {
namespace {

struct Int8 {
  using Vector = int8x16_t;
  using Sum = int32x4_t;
  static Vector load(const char* from) { return vld1q_s8(reinterpret_cast<const int8_t*>(from)); }
  static Vector splat(const int32_t* from) { return vreinterpretq_s8_s32(vdupq_n_s32(*from)); }
  static Sum add(Sum sum, Vector a, Vector b) { return vdotq_s32(sum, a, b); }
  static void store(char* to, Sum sum) { vst1q_s32(reinterpret_cast<int32_t*>(to), sum); }
};

}  // namespace

int64_t peak_int8_asimddp(int64_t rounds) {
  int8x16_t x = vdupq_n_s8(1);
  hide(x);
  return chains<24>(rounds, 32, vdupq_n_s32(0), [&](int32x4_t value) { return vdotq_s32(value, x, x); });
}

Tile tile_int8_asimddp() { return {12, 8, 4, 1, 1, multiply_tile<Int8, 12, 2>, nullptr, nullptr}; }

}  // namespace ridgepoint
