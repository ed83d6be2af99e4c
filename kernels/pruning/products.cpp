// addProducts of test/support/pruning/hessian.ts. Each element of the sums takes its tokens in order, as there, so the
// result is the same to the bit; what differs is that a tile of elements stays in registers while tokens pass.
#include <algorithm>
#include <exception>
#include <vector>

#include "pruning/levels.h"
#include "threads/parallel.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

// A tile of rows × 2 vectors, two vectors of factors and one factor fit into the registers of every such machine.
#if defined(__GNUC__)
#if defined(__AVX512F__)
constexpr int64_t kLanes = 8;
#elif defined(__AVX__)
constexpr int64_t kLanes = 4;
#else
constexpr int64_t kLanes = 2;
#endif
typedef double Lanes __attribute__((vector_size(8 * kLanes), aligned(8), may_alias));
#define RIDGE_UNROLL _Pragma("GCC unroll 4")
#else
constexpr int64_t kLanes = 1;
typedef double Lanes;
#define RIDGE_UNROLL
#endif
// Columns of a tile, and of a panel.
constexpr int64_t kPanel = 2 * kLanes;
constexpr int64_t kRows = kPanel < 4 ? kPanel : 4;
// Two panels of so many tokens are 64 KB: they stay in the second-level cache.
constexpr int64_t kTokens = 256;

const Lanes* vector_at(const double* values) { return reinterpret_cast<const Lanes*>(values); }
Lanes* vector_at(double* values) { return reinterpret_cast<Lanes*>(values); }

// sums[r][c] += a[t][r] * b[t][c] for all tokens, in their order.
void add_tile(double (&sums)[kRows][kPanel], const double* a, const double* b, int64_t tokens) {
  Lanes tile[kRows][2];
  RIDGE_UNROLL for (int64_t r = 0; r < kRows; r++) {
    tile[r][0] = *vector_at(sums[r]);
    tile[r][1] = *vector_at(sums[r] + kLanes);
  }
  for (int64_t t = 0; t < tokens; t++) {
    const double* x = a + t * kPanel;
    const Lanes y0 = *vector_at(b + t * kPanel);
    const Lanes y1 = *vector_at(b + t * kPanel + kLanes);
    RIDGE_UNROLL for (int64_t r = 0; r < kRows; r++) {
      tile[r][0] += x[r] * y0;
      tile[r][1] += x[r] * y1;
    }
  }
  RIDGE_UNROLL for (int64_t r = 0; r < kRows; r++) {
    *vector_at(sums[r]) = tile[r][0];
    *vector_at(sums[r] + kLanes) = tile[r][1];
  }
}

}  // namespace

int32_t add_products(double* sums, const float* inputs, int64_t tokens, int32_t columns, int32_t threads) try {
  const int64_t n = columns;
  const int64_t panels = (n + kPanel - 1) / kPanel;
  std::vector<double> packed(static_cast<size_t>(panels * kPanel * std::min(tokens, kTokens)));
  for (int64_t start = 0; start < tokens; start += kTokens) {
    const int64_t count = std::min(kTokens, tokens - start);
    // Panel by panel, tokens in rows of a panel: [panel][token][column], zeros behind the last column.
    parallel(panels, 4, threads, [&](int, int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; p++) {
        double* panel = packed.data() + p * count * kPanel;
        const int64_t width = std::min(kPanel, n - p * kPanel);
        for (int64_t t = 0; t < count; t++) {
          const float* row = inputs + (start + t) * n + p * kPanel;
          double* into = panel + t * kPanel;
          for (int64_t c = 0; c < width; c++) into[c] = row[c];
          for (int64_t c = width; c < kPanel; c++) into[c] = 0;
        }
      }
    });
    // Early panels have longer rows, so they are handed out one at a time.
    parallel(panels, 1, threads, [&](int, int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; p++) {
        const double* a = packed.data() + p * count * kPanel;
        for (int64_t q = p; q < panels; q++) {
          const double* b = packed.data() + q * count * kPanel;
          const int64_t width = std::min(kPanel, n - q * kPanel);
          for (int64_t r0 = 0; r0 < kPanel; r0 += kRows) {
            const int64_t first = p * kPanel + r0;
            const int64_t rows = std::min(kRows, n - first);
            if (rows <= 0) break;
            double tile[kRows][kPanel] = {};
            for (int64_t r = 0; r < rows; r++) std::copy_n(sums + (first + r) * n + q * kPanel, width, tile[r]);
            add_tile(tile, a + r0, b, count);
            for (int64_t r = 0; r < rows; r++) {
              // Below the diagonal the sums stay as they are.
              const int64_t from = std::max<int64_t>(0, first + r - q * kPanel);
              if (from < width) std::copy(tile[r] + from, tile[r] + width, sums + (first + r) * n + q * kPanel + from);
            }
          }
        }
      }
    });
  }
  return RIDGE_OK;
} catch (const std::exception&) {
  return RIDGE_OUT_OF_MEMORY;
}

}  // namespace ridgepoint::RIDGE_LEVEL
