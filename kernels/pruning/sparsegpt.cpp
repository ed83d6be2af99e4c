// test/support/pruning/sparsegpt.ts; rows are independent but for the threshold of a block.
#include <algorithm>
#include <limits>
#include <new>

#include "pruning/columns.h"
#include "pruning/levels.h"
#include "pruning/row.h"
#include "threads/parallel.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

constexpr int64_t kRows = 16;

struct Layer {
  float* weights;
  int64_t rows;
  int64_t columns;
  const double* factor;
};

float block_threshold(const Layer& layer, int64_t start, int64_t width, double ratio, int threads,
                      std::vector<float>& losses) {
  const int64_t count = layer.rows * width;
  losses.resize(static_cast<size_t>(count));
  parallel(layer.rows, kRows, threads, [&](int, int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      for (int64_t j = 0; j < width; j++) {
        const int64_t column = start + j;
        const double scaled =
            layer.weights[row * layer.columns + column] / layer.factor[column * layer.columns + column];
        losses[static_cast<size_t>(row * width + j)] = static_cast<float>(scaled * scaled);
      }
    }
  });
  const int64_t rank = static_cast<int64_t>(static_cast<double>(count) * ratio);
  if (rank >= count) return std::numeric_limits<float>::infinity();
  std::vector<float> ordered = losses;
  std::nth_element(ordered.begin(), ordered.begin() + rank, ordered.end());
  return ordered[static_cast<size_t>(rank)];
}

// Prunes a row within a block; writes the error of every column.
void prune_row(const Layer& layer, int64_t row, int64_t start, int64_t width, int32_t pruned, int32_t group,
               uint8_t* flags, double* current, double* losses, double* errors) {
  float* weights = layer.weights + row * layer.columns + start;
  for (int64_t j = 0; j < width; j++) current[j] = weights[j];
  for (int64_t i = 0; i < width; i++) {
    const double* u = layer.factor + (start + i) * layer.columns + start;
    if (group > 0 && i % group == 0) {
      for (int64_t j = i; j < i + group; j++) {
        const double scaled = current[j] / layer.factor[(start + j) * layer.columns + start + j];
        losses[j] = scaled * scaled;
      }
      mark_smallest(losses, static_cast<int32_t>(i), group, pruned, flags);
    }
    const double error = flags[i] ? current[i] / u[i] : 0;
    weights[i] = flags[i] ? 0.0f : static_cast<float>(current[i]);
    errors[i] = error;
    if (error == 0) continue;
    for (int64_t j = i; j < width; j++) current[j] -= error * u[j];
  }
}

struct Scratch {
  explicit Scratch(int64_t block)
      : flags(static_cast<size_t>(block)), current(static_cast<size_t>(block)), losses(static_cast<size_t>(block)),
        errors(static_cast<size_t>(block * kRows)) {}
  std::vector<uint8_t> flags;
  std::vector<double> current, losses, errors;
};

}  // namespace

int32_t sparsegpt(float* weights, int64_t rows, int32_t columns, const double* factor, const uint8_t* dead,
                  double ratio, int32_t pruned, int32_t group, int32_t block_columns, int32_t threads,
                  uint8_t* mask) try {
  const Layer layer{weights, rows, columns, factor};
  const int64_t block = std::min<int64_t>(block_columns, columns);
  std::fill(mask, mask + rows * row_bytes(columns), uint8_t{0});
  silence_dead(weights, rows, columns, dead);
  std::vector<float> losses;
  std::vector<Scratch> scratch(static_cast<size_t>(std::max(threads, 1)), Scratch(block));
  for (int64_t start = 0; start < columns; start += block) {
    const int64_t width = std::min<int64_t>(block, columns - start);
    const bool marks = group == 0 && ratio > 0;
    const float threshold = marks ? block_threshold(layer, start, width, ratio, threads, losses) : 0;
    parallel(rows, kRows, threads, [&](int thread, int64_t begin, int64_t end) {
      Scratch& own = scratch[static_cast<size_t>(thread)];
      for (int64_t row = begin; row < end; row++) {
        for (int64_t j = 0; j < width; j++) {
          own.flags[static_cast<size_t>(j)] = marks && losses[static_cast<size_t>(row * width + j)] <= threshold;
        }
        prune_row(layer, row, start, width, pruned, group, own.flags.data(), own.current.data(), own.losses.data(),
                  own.errors.data() + (row - begin) * block);
        uint8_t* bytes = mask + row * row_bytes(columns);
        for (int64_t j = 0; j < width; j++) {
          const int64_t column = start + j;
          bytes[column >> 3] |= static_cast<uint8_t>(own.flags[static_cast<size_t>(j)] << (column & 7));
        }
      }
      update_rest({factor, columns}, weights, begin, end, start, width, own.errors.data(), block);
    });
  }
  return RIDGE_OK;
} catch (const std::exception&) {
  return RIDGE_OUT_OF_MEMORY;
}

}  // namespace ridgepoint::RIDGE_LEVEL
