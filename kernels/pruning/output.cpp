// test/support/pruning/output-error.ts. A few rows at a time, so that a row of H is read once for all of them.
#include <algorithm>
#include <exception>
#include <vector>

#include "pruning/levels.h"
#include "threads/parallel.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

constexpr int64_t kRows = 16;

// squares[row] = d H d^T of rows [begin, end), from the upper triangle: sum_i d_i (2 sum_{j>=i} H_ij d_j - H_ii d_i).
void squares_of(const double* d, int64_t rows, int64_t n, const double* hessian, double* sums, double* squares) {
  std::fill(sums, sums + rows * n, 0.0);
  for (int64_t i = 0; i < n; i++) {
    const double* h = hessian + i * n;
    for (int64_t row = 0; row < rows; row++) {
      const double value = d[row * n + i];
      if (value == 0) continue;
      double* sum = sums + row * n;
      for (int64_t j = i; j < n; j++) sum[j] += value * h[j];
    }
  }
  for (int64_t row = 0; row < rows; row++) {
    double total = 0;
    for (int64_t j = 0; j < n; j++) {
      const double value = d[row * n + j];
      total += value * (2 * sums[row * n + j] - hessian[j * n + j] * value);
    }
    squares[row] = total;
  }
}

}  // namespace

int32_t squared_output(const float* weights, const float* other, int64_t rows, int32_t columns,
                       const double* hessian, int32_t threads, double* squares) try {
  const int64_t n = columns;
  std::vector<double> scratch(static_cast<size_t>(std::max(threads, 1)) * 2 * kRows * n);
  parallel(rows, kRows, threads, [&](int thread, int64_t begin, int64_t end) {
    double* d = scratch.data() + static_cast<size_t>(thread) * 2 * kRows * n;
    for (int64_t at = begin * n; at < end * n; at++) {
      d[at - begin * n] = static_cast<double>(weights[at]) - (other == nullptr ? 0.0 : static_cast<double>(other[at]));
    }
    squares_of(d, end - begin, n, hessian, d + kRows * n, squares + begin);
  });
  return RIDGE_OK;
} catch (const std::exception&) {
  return RIDGE_OUT_OF_MEMORY;
}

}  // namespace ridgepoint::RIDGE_LEVEL
