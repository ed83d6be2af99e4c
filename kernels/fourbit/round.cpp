// test/support/four-bit/round.ts; rows are independent.
#include <exception>

#include "fourbit/block.h"
#include "fourbit/levels.h"
#include "threads/parallel.h"

namespace ridgepoint::RIDGE_LEVEL {

constexpr int64_t kRows = 16;

int32_t four_bit_round(const float* weights, int64_t rows, int32_t columns, const char* name, double tensor_scale,
                       int32_t search, int32_t threads, uint8_t* codes, uint8_t* scales) try {
  Format format;
  if (!format_named(name, format)) return RIDGE_FOUR_BIT_UNKNOWN_FORMAT;
  parallel(rows, kRows, threads, [&](int, int64_t begin, int64_t end) {
    double block[kMostBlock];
    for (int64_t at = begin * columns; at < end * columns; at += format.block) {
      for (int32_t i = 0; i < format.block; i++) block[i] = weights[at + i];
      const uint8_t scale = choose_scale(format, block, tensor_scale, search != 0);
      const double step = step_of(format, scale, tensor_scale);
      const bool integers = has_integers(format, scale);
      scales[at / format.block] = scale;
      for (int32_t i = 0; i < format.block; i++) codes[at + i] = nearest_code(block[i], step, integers);
    }
  });
  return 0;
} catch (const std::exception&) {
  return RIDGE_FOUR_BIT_OUT_OF_MEMORY;
}

int32_t four_bit_values(const uint8_t* codes, const uint8_t* scales, int64_t rows, int32_t columns, const char* name,
                        double tensor_scale, int32_t threads, float* values) try {
  Format format;
  if (!format_named(name, format)) return RIDGE_FOUR_BIT_UNKNOWN_FORMAT;
  parallel(rows, kRows, threads, [&](int, int64_t begin, int64_t end) {
    for (int64_t at = begin * columns; at < end * columns; at += format.block) {
      const uint8_t scale = scales[at / format.block];
      const double step = step_of(format, scale, tensor_scale);
      const bool integers = has_integers(format, scale);
      for (int32_t i = 0; i < format.block; i++) {
        values[at + i] = static_cast<float>(step * value_of(codes[at + i], integers));
      }
    }
  });
  return 0;
} catch (const std::exception&) {
  return RIDGE_FOUR_BIT_OUT_OF_MEMORY;
}

}  // namespace ridgepoint::RIDGE_LEVEL
