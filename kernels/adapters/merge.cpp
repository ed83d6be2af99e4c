#include <cmath>
#include <exception>
#include <vector>

#include "adapters/levels.h"
#include "threads/parallel.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

// Rows a thread takes at a time, and columns whose sums stay in the first-level cache while all of A's rows pass.
constexpr int64_t kRows = 16;
constexpr int64_t kTile = 512;

struct Adapter {
  const float* a;
  const float* b;
  int64_t rank;
  double factor;
};

// sums = weights + factor * b_row * A, each sum in the order of the ranks.
void add_row(const float* weights, int64_t columns, int64_t row, const Adapter& adapter, double* sums) {
  const float* b = adapter.b + row * adapter.rank;
  for (int64_t tile = 0; tile < columns; tile += kTile) {
    const int64_t size = std::min(kTile, columns - tile);
    double* own = sums + tile;
    for (int64_t i = 0; i < size; i++) own[i] = weights[tile + i];
    for (int64_t k = 0; k < adapter.rank; k++) {
      const double coefficient = adapter.factor * b[k];
      const float* a = adapter.a + k * columns + tile;
      for (int64_t i = 0; i < size; i++) own[i] += coefficient * a[i];
    }
  }
}

void set_length(float* weights, int64_t columns, const double* sums, double magnitude, double strength) {
  double squares = 0;
  for (int64_t i = 0; i < columns; i++) squares += sums[i] * sums[i];
  const double gain = squares > 0 ? magnitude / std::sqrt(squares) : 0;
  for (int64_t i = 0; i < columns; i++) {
    const double before = weights[i];
    const double after = gain * sums[i];
    weights[i] = static_cast<float>(strength == 1 ? after : before + strength * (after - before));
  }
}

}  // namespace

int32_t merge_adapter(float* weights, int64_t rows, int32_t columns, int64_t first, const float* a, const float* b,
                      int32_t rank, double factor, const float* magnitude, double strength, int32_t threads) try {
  const Adapter adapter{a, b, rank, factor};
  std::vector<std::vector<double>> scratch(static_cast<size_t>(std::max(threads, 1)),
                                           std::vector<double>(static_cast<size_t>(columns)));
  parallel(rows, kRows, threads, [&](int thread, int64_t begin, int64_t end) {
    double* sums = scratch[static_cast<size_t>(thread)].data();
    for (int64_t row = begin; row < end; row++) {
      float* own = weights + row * columns;
      add_row(own, columns, first + row, adapter, sums);
      if (magnitude != nullptr) {
        set_length(own, columns, sums, magnitude[first + row], strength);
      } else {
        for (int64_t i = 0; i < columns; i++) own[i] = static_cast<float>(sums[i]);
      }
    }
  });
  return 0;
} catch (const std::exception&) {
  return 1;
}

}  // namespace ridgepoint::RIDGE_LEVEL
