// Element types of caches and weights, as bits. Conversions are exact to f32 and round to nearest even from it.
#pragma once

#include <cstdint>
#include <cstring>

namespace ridgepoint {

struct Half {
  uint16_t bits;
};
struct Brain {
  uint16_t bits;
};

static inline float floatOfBits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline uint32_t bitsOfFloat(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static inline float toFloat(float value) { return value; }
static inline float toFloat(int8_t value) { return static_cast<float>(value); }
static inline float toFloat(Brain value) { return floatOfBits(static_cast<uint32_t>(value.bits) << 16); }

static inline float toFloat(Half value) {
  const uint32_t sign = static_cast<uint32_t>(value.bits & 0x8000) << 16;
  const uint32_t exponent = (value.bits >> 10) & 0x1f;
  const uint32_t fraction = value.bits & 0x3ff;
  if (exponent == 0x1f) return floatOfBits(sign | 0x7f800000 | fraction << 13);
  if (exponent != 0) return floatOfBits(sign | (exponent + 112) << 23 | fraction << 13);
  // Subnormal: fraction * 2^-24.
  const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
  return sign != 0 ? -magnitude : magnitude;
}

static inline void fromFloat(float value, float* to) { *to = value; }

static inline void fromFloat(float value, Brain* to) {
  const uint32_t bits = bitsOfFloat(value);
  if (value != value) {
    to->bits = 0x7fc0;
    return;
  }
  to->bits = static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

static inline void fromFloat(float value, Half* to) {
  const uint32_t bits = bitsOfFloat(value);
  const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
  const float magnitude = floatOfBits(bits & 0x7fffffff);
  if (!(magnitude < 65520.0f)) {
    to->bits = static_cast<uint16_t>(sign | (value != value ? 0x7e00 : 0x7c00));
  } else if (magnitude < 0x1p-14f) {
    // Adding 0.5 leaves the number of steps of 2^-24 in the last bits, rounded by the adder.
    to->bits = static_cast<uint16_t>(sign | (bitsOfFloat(magnitude + 0.5f) & 0x7ff));
  } else {
    const uint32_t rounded = (bits & 0x7fffffff) + 0xfff + ((bits >> 13) & 1);
    to->bits = static_cast<uint16_t>(sign | ((rounded - (112u << 23)) >> 13));
  }
}

}  // namespace ridgepoint
