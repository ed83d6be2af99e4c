#include <arm_neon.h>

#include "roofs/chains.h"
#include "roofs/kernels.h"

namespace ridgepoint {

int64_t peak_f16_asimdhp(int64_t rounds) {
  float16x8_t half = vdupq_n_f16(static_cast<float16_t>(0.5f));
  hide(half);
  return chains<24>(rounds, 16, half, [&](float16x8_t value) { return vfmaq_f16(half, value, half); });
}

}  // namespace ridgepoint
