// test/support/four-bit/gptq.ts; rows are independent.
#include <algorithm>
#include <exception>
#include <vector>

#include "fourbit/block.h"
#include "fourbit/levels.h"
#include "pruning/columns.h"
#include "threads/parallel.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

constexpr int64_t kRows = 16;

// Rounds the columns of a row from `start` on, `width` of them; writes the error of every column.
void round_columns(const ColumnFactor& factor, const Format& format, double tensor_scale, const float* weights,
                   int64_t start, int64_t width, double* current, double* errors, uint8_t* codes, uint8_t* scales) {
  for (int64_t j = 0; j < width; j++) current[j] = weights[start + j];
  double step = 0;
  bool integers = false;
  for (int64_t i = 0; i < width; i++) {
    if (i % format.block == 0) {
      // Of the weights as those left of the block have left them.
      const uint8_t scale = choose_scale(format, current + i, tensor_scale, true);
      scales[(start + i) / format.block] = scale;
      step = step_of(format, scale, tensor_scale);
      integers = has_integers(format, scale);
    }
    const double* u = factor.row(start + i) + start;
    const uint8_t code = nearest_code(current[i], step, integers);
    codes[start + i] = code;
    errors[i] = (current[i] - step * value_of(code, integers)) / u[i];
    for (int64_t j = i + 1; j < width; j++) current[j] -= errors[i] * u[j];
  }
}

}  // namespace

int32_t four_bit_gptq(float* weights, int64_t rows, int32_t columns, const double* factor, const uint8_t* dead,
                      const char* name, double tensor_scale, int32_t block_columns, int32_t threads, uint8_t* codes,
                      uint8_t* scales) try {
  Format format;
  if (!format_named(name, format)) return RIDGE_FOUR_BIT_UNKNOWN_FORMAT;
  const ColumnFactor of{factor, columns};
  const int64_t block = std::min<int64_t>(block_columns, columns);
  silence_dead(weights, rows, columns, dead);
  struct Scratch {
    std::vector<double> current, errors;
  };
  std::vector<Scratch> scratch(static_cast<size_t>(std::max(threads, 1)));
  for (Scratch& own : scratch) {
    own.current.resize(static_cast<size_t>(block));
    own.errors.resize(static_cast<size_t>(block * kRows));
  }
  for (int64_t start = 0; start < columns; start += block) {
    const int64_t width = std::min<int64_t>(block, columns - start);
    parallel(rows, kRows, threads, [&](int thread, int64_t begin, int64_t end) {
      Scratch& own = scratch[static_cast<size_t>(thread)];
      for (int64_t row = begin; row < end; row++) {
        round_columns(of, format, tensor_scale, weights + row * columns, start, width, own.current.data(),
                      own.errors.data() + (row - begin) * block, codes + row * columns,
                      scales + row * (columns / format.block));
      }
      update_rest(of, weights, begin, end, start, width, own.errors.data(), block);
    });
  }
  return 0;
} catch (const std::exception&) {
  return RIDGE_FOUR_BIT_OUT_OF_MEMORY;
}

}  // namespace ridgepoint::RIDGE_LEVEL
