// Blocks of four-bit values (test/support/four-bit/block.ts): which scale a block gets, and which code a weight.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <initializer_list>

#include "cpu/levels.h"

namespace ridgepoint::RIDGE_LEVEL {

enum class Scales { kE8m0, kE4m3 };

struct Format {
  int32_t block;
  Scales scales;
  // The sign of a scale says that its block has integers (IF4).
  bool adaptive;
};

constexpr int32_t kMostBlock = 32;

// false for a word that is no format.
inline bool format_named(const char* name, Format& format) {
  if (std::strcmp(name, "mxfp4") == 0) format = {32, Scales::kE8m0, false};
  else if (std::strcmp(name, "nvfp4") == 0) format = {16, Scales::kE4m3, false};
  else if (std::strcmp(name, "if4") == 0) format = {16, Scales::kE4m3, true};
  else return false;
  return true;
}

constexpr uint8_t kIntegers = 0x80;
constexpr double kFloats[8] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
// Integers reach as far as floats do: 7 is 6.
constexpr double kIntegerStep = 6.0 / 7;

// E4M3 without its sign: codes 0 to 126; 127 is no number.
struct E4m3 {
  double values[127];
  constexpr E4m3() : values() {
    double unit = 1.0 / 512;
    for (int32_t code = 0; code < 127; code++) {
      if (code >= 16 && code % 8 == 0) unit *= 2;
      values[code] = unit * (code < 8 ? code : 8 + code % 8);
    }
  }
};
constexpr E4m3 kE4m3Values;
inline double e4m3(int32_t code) { return kE4m3Values.values[code]; }

// The nearest; of two alike the smaller.
inline int32_t nearest_e4m3(double value) {
  int32_t low = 0;
  int32_t high = 126;
  while (low < high) {
    const int32_t middle = (low + high) / 2;
    if ((e4m3(middle) + e4m3(middle + 1)) / 2 < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

// What the values of a block are multiplied by.
inline double step_of(const Format& format, uint8_t scale, double tensor_scale) {
  if (format.scales == Scales::kE8m0) return std::ldexp(tensor_scale, scale - 127);
  return tensor_scale * e4m3(scale & 127);
}

inline bool has_integers(const Format& format, uint8_t scale) { return format.adaptive && (scale & kIntegers) != 0; }

inline double value_of(uint8_t code, bool integers) {
  if (integers) return kIntegerStep * (code < 8 ? code : code - 16);
  return code < 8 ? kFloats[code] : -kFloats[code - 8];
}

// The code of the nearest value; of two alike the one nearer to zero.
inline uint8_t nearest_code(double weight, double step, bool integers) {
  if (step == 0) return 0;
  const double size = std::fabs(weight) / step;
  if (integers) {
    const double whole = std::ceil(size / kIntegerStep - 0.5);
    const int32_t count = whole < 7 ? static_cast<int32_t>(whole) : 7;
    return static_cast<uint8_t>((weight < 0 ? 16 - count : count) & 15);
  }
  const int32_t code = (size > 0.25) + (size > 0.75) + (size > 1.25) + (size > 1.75) + (size > 2.5) + (size > 3.5) +
                       (size > 5);
  return static_cast<uint8_t>(weight < 0 && code > 0 ? code | 8 : code);
}

inline double squared_error(const Format& format, const double* weights, uint8_t scale, double tensor_scale) {
  const double step = step_of(format, scale, tensor_scale);
  const bool integers = has_integers(format, scale);
  double sum = 0;
  for (int32_t i = 0; i < format.block; i++) {
    const double error = weights[i] - step * value_of(nearest_code(weights[i], step, integers), integers);
    sum += error * error;
  }
  return sum;
}

// The best of the scales that it was shown; of two alike the first.
class Best {
 public:
  Best(const Format& format, const double* weights, double tensor_scale)
      : format_(format), weights_(weights), tensor_scale_(tensor_scale) {}

  void consider(uint8_t scale) {
    const double error = squared_error(format_, weights_, scale, tensor_scale_);
    if (error < error_) {
      error_ = error;
      scale_ = scale;
    }
  }

  uint8_t scale() const { return scale_; }

 private:
  const Format& format_;
  const double* weights_;
  double tensor_scale_;
  double error_ = HUGE_VAL;
  uint8_t scale_ = 0;
};

inline uint8_t choose_scale(const Format& format, const double* weights, double tensor_scale, bool search) {
  double most = 0;
  for (int32_t i = 0; i < format.block; i++) most = std::fmax(most, std::fabs(weights[i]));
  if (most == 0) return 0;
  Best best(format, weights, tensor_scale);
  if (format.scales == Scales::kE8m0) {
    // The greatest value has exponent 2 (OCP Microscaling, section 6.3). In single precision, as ggml has it.
    const int32_t exponent = static_cast<int32_t>(std::floor(std::log2(static_cast<float>(most)))) - 2 + 127;
    const auto bounded = [](int32_t code) { return static_cast<uint8_t>(code < 0 ? 0 : code > 254 ? 254 : code); };
    if (!search) return bounded(exponent);
    for (const int32_t code : {exponent, exponent + 1, exponent - 1}) best.consider(bounded(code));
    return best.scale();
  }
  const double ideal = most / kFloats[7] / tensor_scale;
  const int32_t prescribed = nearest_e4m3(ideal);
  if (!search && !format.adaptive) return static_cast<uint8_t>(prescribed);
  const auto consider = [&](int32_t code) {
    best.consider(static_cast<uint8_t>(code));
    if (format.adaptive) best.consider(static_cast<uint8_t>(code | kIntegers));
  };
  consider(prescribed);
  if (search) {
    // From the greatest weight at 10 of 6, which is cut, to it at 3.75.
    const int32_t last = nearest_e4m3(1.6 * ideal);
    for (int32_t code = nearest_e4m3(0.6 * ideal); code <= last; code++) consider(code);
  }
  return best.scale();
}

}  // namespace ridgepoint::RIDGE_LEVEL
