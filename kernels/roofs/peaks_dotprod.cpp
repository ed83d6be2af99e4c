#include <arm_neon.h>

#include "roofs/chains.h"
#include "roofs/peaks.h"

namespace ridgepoint {

int64_t peak_f16_dotprod(int64_t rounds) {
  float16x8_t half = vdupq_n_f16(static_cast<float16_t>(0.5f));
  hide(half);
  return chains<24>(rounds, 16, half, [&](float16x8_t value) { return vfmaq_f16(half, value, half); });
}

int64_t peak_int8_dotprod(int64_t rounds) {
  int8x16_t x = vdupq_n_s8(1);
  hide(x);
  return chains<24>(rounds, 32, vdupq_n_s32(0), [&](int32x4_t value) { return vdotq_s32(value, x, x); });
}

}  // namespace ridgepoint
