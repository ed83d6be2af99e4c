// Dense rows times vectors on AVX2 and NEON: 2 rows and 4 vectors at a time, whose sums stay in registers. Include it inside a file
// of a level that columns.h knows.
#pragma once

#include "ops/matrices/columns.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

// R rows times B vectors. Where there are few, each has more sums, so that no product waits for the one before.
template <typename Columns, int R, int B>
inline void dense_piece(const ops::Packed& w, const ops::Rounded& x, int64_t row, int64_t first, float* y) {
  constexpr int kInGroup = 64 / Columns::kColumns;
  constexpr int kWanted = R * B <= 2 ? 4 : 1;
  constexpr int kSums = kWanted < kInGroup ? kWanted : kInGroup;
  const auto* weights = static_cast<const typename Columns::Element*>(w.values) + row * w.stride;
  const typename Columns::Vector* vectors = Columns::vectors(x) + first * x.stride;
  typename Columns::Sum sums[R][B][kSums];
  for (auto& of_row : sums) {
    for (auto& of_vector : of_row) {
      for (auto& sum : of_vector) sum = Columns::zero();
    }
  }
  for (int64_t group = 0; group < w.stride; group += 64) {
    constexpr int kLines = sizeof(typename Columns::Element);
    for (int r = 0; r < R && B == 1; r++) {
      const auto* ahead = reinterpret_cast<const char*>(weights + r * w.stride + group) + ops::kAhead;
      for (int line = 0; line < kLines; line++) __builtin_prefetch(ahead + 64 * line);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kInGroup; i++) {
      const int64_t column = group + i * Columns::kColumns;
      typename Columns::Part parts[R];
#pragma GCC unroll 2
      for (int r = 0; r < R; r++) parts[r] = Columns::weights(weights + r * w.stride + column);
#pragma GCC unroll 4
      for (int b = 0; b < B; b++) {
        const auto of_vector = Columns::vector(vectors + b * x.stride + column);
#pragma GCC unroll 2
        for (int r = 0; r < R; r++) sums[r][b][i % kSums] = Columns::add(parts[r], of_vector, sums[r][b][i % kSums]);
      }
    }
  }
  for (int b = 0; b < B; b++) {
    for (int r = 0; r < R; r++) {
      for (int s = 1; s < kSums; s++) sums[r][b][0] = Columns::join(sums[r][b][0], sums[r][b][s]);
      y[(first + b) * w.rows + row + r] = Columns::total(w, x, row + r, first + b, sums[r][b][0]);
    }
  }
}

template <typename Columns, int B>
inline void dense_vectors(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, int64_t first, float* y) {
  int64_t row = begin;
  for (; row + 2 <= end; row += 2) dense_piece<Columns, 2, B>(w, x, row, first, y);
  for (; row < end; row++) dense_piece<Columns, 1, B>(w, x, row, first, y);
}

template <typename Columns>
inline void dense_rows(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {
  int64_t first = 0;
  for (; first + 4 <= x.batch; first += 4) dense_vectors<Columns, 4>(w, x, begin, end, first, y);
  for (; first < x.batch; first++) dense_vectors<Columns, 1>(w, x, begin, end, first, y);
}

}  // namespace
}  // namespace ridgepoint::RIDGE_LEVEL
