// What methods share that go from column to column and let the weights right of it make up for its error: the inverse
// factor of the Hessian by rows, and the update behind a block of columns (arXiv 2210.17323, 2301.00774).
#pragma once

#include <algorithm>
#include <cstdint>

#include "cpu/levels.h"

namespace ridgepoint::RIDGE_LEVEL {

// U of H^-1 = U^T U.
struct ColumnFactor {
  const double* values;
  int64_t columns;
  const double* row(int64_t column) const { return values + column * columns; }
};

// Sets the weights on dead channels to 0: they multiply zeros.
inline void silence_dead(float* weights, int64_t rows, int64_t columns, const uint8_t* dead) {
  for (int64_t j = 0; j < columns; j++) {
    if (!dead[j]) continue;
    for (int64_t row = 0; row < rows; row++) weights[row * columns + j] = 0;
  }
}

// Columns updated at a time: a tile of U of 128 x 128 doubles stays in the second-level cache for the rows of a chunk.
constexpr int64_t kTile = 128;

// Subtracts from the columns right of [start, start + width) what the errors of those bring there, in the rows from
// begin to end. errors: those of a row at every `stride`.
inline void update_rest(const ColumnFactor& factor, float* matrix, int64_t begin, int64_t end, int64_t start,
                        int64_t width, const double* errors, int64_t stride) {
  for (int64_t tile = start + width; tile < factor.columns; tile += kTile) {
    const int64_t size = std::min(kTile, factor.columns - tile);
    for (int64_t row = begin; row < end; row++) {
      double sums[kTile] = {0};
      const double* own = errors + (row - begin) * stride;
      for (int64_t i = 0; i < width; i++) {
        if (own[i] == 0) continue;
        const double* u = factor.row(start + i) + tile;
        for (int64_t j = 0; j < size; j++) sums[j] += own[i] * u[j];
      }
      float* weights = matrix + row * factor.columns + tile;
      for (int64_t j = 0; j < size; j++) weights[j] = static_cast<float>(weights[j] - sums[j]);
    }
  }
}

}  // namespace ridgepoint::RIDGE_LEVEL
