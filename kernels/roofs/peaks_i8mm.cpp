#include <arm_neon.h>

#include "roofs/chains.h"
#include "roofs/peaks.h"

namespace ridgepoint {

int64_t peak_bf16_i8mm(int64_t rounds) {
  uint16x8_t bits = vdupq_n_u16(0x3f80);
  hide(bits);
  const bfloat16x8_t x = vreinterpretq_bf16_u16(bits);
  return chains<24>(rounds, 16, vdupq_n_f32(0), [&](float32x4_t value) { return vbfdotq_f32(value, x, x); });
}

}  // namespace ridgepoint
