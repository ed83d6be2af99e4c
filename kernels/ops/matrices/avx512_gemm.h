// Dense rows times many vectors with AVX-512: 4 rows and 6 vectors at a time, whose 24 sums stay in registers, over as many columns
// as leave the vectors in the first-level cache. Include it as avx512_lanes.h.
#pragma once

#include "ops/matrices/avx512_lanes.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

// Bytes of a row of activations that a pass goes over.
constexpr int64_t kPassBytes = 4096;

// R rows and B vectors over groups of 64 columns. sums: R rows of B.
template <typename Lanes, int R, int B>
inline void gemm_tile(const typename Lanes::Element* w, int64_t w_stride, const typename Lanes::Vector* x, int64_t x_stride,
                      int64_t groups, typename Lanes::Sum sums[R][B]) {
  for (int r = 0; r < R; r++) {
    for (int b = 0; b < B; b++) sums[r][b] = Lanes::zero();
  }
  for (int64_t group = 0; group < groups; group++) {
#pragma GCC unroll 4
    for (int p = 0; p < Lanes::kParts; p++) {
      typename Lanes::Part parts[R];
#pragma GCC unroll 4
      for (int r = 0; r < R; r++) parts[r] = Lanes::load(w + r * w_stride + group * 64, p);
#pragma GCC unroll 6
      for (int b = 0; b < B; b++) {
#pragma GCC unroll 4
        for (int r = 0; r < R; r++) sums[r][b] = Lanes::add(parts[r], x + b * x_stride + group * 64, p, sums[r][b]);
      }
    }
  }
}

template <typename Lanes, int R, int B>
inline void gemm_piece(const ops::Packed& w, const ops::Rounded& x, int64_t row, int64_t first, int64_t column, int64_t groups,
                       float* y) {
  const auto* weights = static_cast<const typename Lanes::Element*>(w.values) + row * w.stride + column;
  typename Lanes::Sum sums[R][B];
  gemm_tile<Lanes, R, B>(weights, w.stride, Lanes::vectors(x) + first * x.stride + column, x.stride, groups, sums);
  for (int b = 0; b < B; b++) {
    for (int r = 0; r < R; r++) {
      float& to = y[(first + b) * w.rows + row + r];
      const float sum = Lanes::total(w, x, row + r, first + b, sums[r][b]);
      to = column == 0 ? sum : to + sum;
    }
  }
}

template <typename Lanes, int R>
inline void gemm_vectors(const ops::Packed& w, const ops::Rounded& x, int64_t row, int64_t first, int64_t count, int64_t column,
                         int64_t groups, float* y) {
  switch (count) {
    case 6: return gemm_piece<Lanes, R, 6>(w, x, row, first, column, groups, y);
    case 5: return gemm_piece<Lanes, R, 5>(w, x, row, first, column, groups, y);
    case 4: return gemm_piece<Lanes, R, 4>(w, x, row, first, column, groups, y);
    case 3: return gemm_piece<Lanes, R, 3>(w, x, row, first, column, groups, y);
    case 2: return gemm_piece<Lanes, R, 2>(w, x, row, first, column, groups, y);
    default: return gemm_piece<Lanes, R, 1>(w, x, row, first, column, groups, y);
  }
}

// whole: sums of a row cannot be put together from passes, as with integers, whose offset is that of the whole row.
template <typename Lanes, bool whole>
inline void gemm_rows(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {
  const int64_t pass = whole ? w.stride : kPassBytes / static_cast<int64_t>(sizeof(typename Lanes::Vector));
  for (int64_t column = 0; column < w.stride; column += pass) {
    const int64_t groups = (column + pass < w.stride ? pass : w.stride - column) / 64;
    for (int64_t first = 0; first < x.batch; first += 6) {
      const int64_t count = first + 6 <= x.batch ? 6 : x.batch - first;
      int64_t row = begin;
      for (; row + 4 <= end; row += 4) gemm_vectors<Lanes, 4>(w, x, row, first, count, column, groups, y);
      for (; row < end; row++) gemm_vectors<Lanes, 1>(w, x, row, first, count, column, groups, y);
    }
  }
}

}  // namespace
}  // namespace ridgepoint::RIDGE_LEVEL
