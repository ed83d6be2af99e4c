// test/support/pruning/hessian.ts, in blocks so that threads share the work.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <new>

#include "pruning/levels.h"
#include "threads/parallel.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

constexpr int64_t kBlock = 64;

double dot(const double* x, const double* y, int64_t count) {
  double sums[8] = {0};
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    for (int lane = 0; lane < 8; lane++) sums[lane] += x[i + lane] * y[i + lane];
  }
  double total = 0;
  for (double sum : sums) total += sum;
  for (; i < count; i++) total += x[i] * y[i];
  return total;
}

// H = R R^T with R upper triangular, in place. Returns the channel where it fails, or -1.
int64_t factorize_from_the_end(double* a, int64_t n, int threads) {
  for (int64_t end = n; end > 0; end -= std::min(kBlock, end)) {
    const int64_t start = std::max<int64_t>(0, end - kBlock);
    for (int64_t j = end - 1; j >= start; j--) {
      const double* row_j = a + j * n;
      const double square = row_j[j] - dot(row_j + j + 1, row_j + j + 1, end - j - 1);
      if (!(square > 0) || !std::isfinite(square)) return j;
      a[j * n + j] = std::sqrt(square);
      for (int64_t i = start; i < j; i++) {
        a[i * n + j] = (a[i * n + j] - dot(a + i * n + j + 1, row_j + j + 1, end - j - 1)) / row_j[j];
      }
    }
    parallel(start, 16, threads, [&](int, int64_t begin, int64_t last) {
      for (int64_t i = begin; i < last; i++) {
        double* row_i = a + i * n;
        for (int64_t j = end - 1; j >= start; j--) {
          row_i[j] = (row_i[j] - dot(row_i + j + 1, a + j * n + j + 1, end - j - 1)) / a[j * n + j];
        }
      }
    });
    parallel(start, 16, threads, [&](int, int64_t begin, int64_t last) {
      for (int64_t i = begin; i < last; i++) {
        double* row_i = a + i * n;
        for (int64_t j = i; j < start; j++) row_i[j] -= dot(row_i + start, a + j * n + start, end - start);
      }
    });
  }
  return -1;
}

// inverse = R^-1. Columns are independent: each chunk of them goes through all rows from the last on.
void invert_upper(const double* r, double* inverse, int64_t n, int threads) {
  parallel(n, kBlock, threads, [&](int, int64_t begin, int64_t end) {
    for (int64_t i = end - 1; i >= 0; i--) {
      double* row = inverse + i * n;
      const double pivot = 1 / r[i * n + i];
      for (int64_t k = i + 1; k < end; k++) {
        const double factor = -pivot * r[i * n + k];
        const double* below = inverse + k * n;
        for (int64_t j = std::max(begin, k); j < end; j++) row[j] += factor * below[j];
      }
      if (i >= begin) row[i] = pivot;
    }
  });
}

}  // namespace

int32_t inverse_factor(double* hessian, int32_t columns, double damping, int32_t threads, uint8_t* dead,
                       int32_t* channel) try {
  const int64_t n = columns;
  double trace = 0;
  for (int64_t j = 0; j < n; j++) {
    double& diagonal = hessian[j * n + j];
    dead[j] = diagonal == 0;
    if (dead[j]) diagonal = 1;
    trace += diagonal;
  }
  for (int64_t j = 0; j < n; j++) hessian[j * n + j] += damping * trace / static_cast<double>(n);
  const int64_t failed = factorize_from_the_end(hessian, n, threads);
  if (failed >= 0) {
    *channel = static_cast<int32_t>(failed);
    return RIDGE_NOT_POSITIVE_DEFINITE;
  }
  std::vector<double> inverse(static_cast<size_t>(n * n), 0.0);
  invert_upper(hessian, inverse.data(), n, threads);
  std::copy(inverse.begin(), inverse.end(), hessian);
  return RIDGE_OK;
} catch (const std::exception&) {
  return RIDGE_OUT_OF_MEMORY;
}

}  // namespace ridgepoint::RIDGE_LEVEL
