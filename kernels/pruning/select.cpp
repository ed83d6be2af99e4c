#include <algorithm>
#include <new>

#include "pruning/levels.h"
#include "pruning/row.h"
#include "threads/parallel.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {
struct Scratch {
  explicit Scratch(int32_t columns) : sorter(columns), scores(columns), order(columns), flags(columns) {}
  StableOrder sorter;
  std::vector<float> scores;
  std::vector<int32_t> order;
  std::vector<uint8_t> flags;
};
}  // namespace

int32_t select(const float* weights, int64_t rows, int32_t columns, const char* score, const float* factors,
               const double* diagonal, int32_t pruned, int32_t group, int32_t threads, uint8_t* mask) try {
  const Score kind = score_named(score);
  if (kind == Score::kUnknown) return RIDGE_UNKNOWN_SCORE;
  std::vector<Scratch> scratch(static_cast<size_t>(std::max(threads, 1)), Scratch(columns));
  parallel(rows, 16, threads, [&](int thread, int64_t begin, int64_t end) {
    Scratch& own = scratch[static_cast<size_t>(thread)];
    for (int64_t row = begin; row < end; row++) {
      score_row(kind, weights + row * columns, columns, factors, diagonal, own.scores.data());
      select_row(own.scores.data(), columns, pruned, group, own.sorter, own.order.data(), own.flags.data());
      pack_row(mask, row, columns, own.flags.data());
    }
  });
  return RIDGE_OK;
} catch (const std::exception&) {
  return RIDGE_OUT_OF_MEMORY;
}

}  // namespace ridgepoint::RIDGE_LEVEL
