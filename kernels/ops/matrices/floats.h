// Half precision and bfloat16 as bits. Written so that compilers vectorize loops of it; finite numbers only.
#pragma once

#include <stdint.h>
#include <string.h>

namespace ridgepoint::ops {
namespace {

[[maybe_unused]] inline float float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

[[maybe_unused]] inline uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

[[maybe_unused]] inline float half_to_float(uint16_t half) {
  // The exponents of the two formats differ by 112; the product puts subnormal numbers right as well.
  const float magnitude = float_of(static_cast<uint32_t>(half & 0x7fff) << 13) * float_of(0x77800000u);
  return float_of(bits_of(magnitude) | static_cast<uint32_t>(half & 0x8000) << 16);
}

// To nearest, ties to even; beyond the largest half it is the largest half.
[[maybe_unused]] inline uint16_t float_to_half(float value) {
  const uint32_t sign = bits_of(value) >> 16 & 0x8000;
  float magnitude = float_of(bits_of(value) & 0x7fffffffu);
  if (magnitude > 65504.0f) magnitude = 65504.0f;
  if (magnitude < 6.103515625e-05f) {
    // Below the normal halves the distance of neighbours is 2^-24; the sum rounds to it.
    return static_cast<uint16_t>(sign | (bits_of(magnitude + 0.5f) - 0x3f000000u));
  }
  const uint32_t bits = bits_of(magnitude);
  const uint32_t rounded = bits + 0xfff + (bits >> 13 & 1);
  return static_cast<uint16_t>(sign | (rounded - 0x38000000u) >> 13);
}

[[maybe_unused]] inline float bfloat_to_float(uint16_t value) { return float_of(static_cast<uint32_t>(value) << 16); }

[[maybe_unused]] inline uint16_t float_to_bfloat(float value) {
  const uint32_t bits = bits_of(value);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// The nearest integer of a number below 2^22, ties to even.
[[maybe_unused]] inline int32_t nearest(float value) {
  return static_cast<int32_t>(bits_of(value + 12582912.0f)) - 0x4b400000;
}

}  // namespace
}  // namespace ridgepoint::ops
