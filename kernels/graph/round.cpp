#include "graph/round.h"

#include "ops/matrices/floats.h"

namespace ridgepoint::RIDGE_LEVEL {

void to_bfloats(const float* x, int64_t count, uint16_t* out) {
  for (int64_t i = 0; i < count; i++) out[i] = ops::float_to_bfloat(x[i]);
}

graph::Scaled to_integers(const float* x, int64_t count, int8_t* out, uint8_t* shifted) {
  // Magnitudes of floats are in the order of their bits, and the largest of integers is found in vectors.
  uint32_t bits = 0;
  for (int64_t i = 0; i < count; i++) {
    const uint32_t own = ops::bits_of(x[i]) & 0x7fffffffu;
    bits = own > bits ? own : bits;
  }
  const float most = ops::float_of(bits);
  const float inverse = most == 0 ? 0 : 127.0f / most;
  int32_t sum = 0;
  for (int64_t i = 0; i < count; i++) {
    const int32_t q = ops::nearest(x[i] * inverse);
    out[i] = static_cast<int8_t>(q);
    shifted[i] = static_cast<uint8_t>(q + 128);
    sum += q;
  }
  return {most / 127.0f, sum};
}

}  // namespace ridgepoint::RIDGE_LEVEL
