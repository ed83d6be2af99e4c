// A tile held in registers: kRows x kVectors accumulators, one group of A for all columns at a time.
#pragma once

#include <stdint.h>

namespace ridgepoint {
namespace {

// Kind: Vector; Sum; load(b), splat(a), add(sum, a, b), store(c, sum).
template <typename Kind, int kRows, int kVectors>
void multiply_tile(const void* a_panel, const void* b_panel, int64_t groups, void* c) {
  auto* a = static_cast<const int32_t*>(a_panel);
  auto* b = static_cast<const char*>(b_panel);
  constexpr int64_t kWidth = sizeof(typename Kind::Vector);
  typename Kind::Sum sums[kRows][kVectors] = {};
  for (int64_t g = 0; g < groups; g++) {
    typename Kind::Vector right[kVectors];
    _Pragma("GCC unroll 4") for (int v = 0; v < kVectors; v++) right[v] = Kind::load(b + v * kWidth);
    _Pragma("GCC unroll 16") for (int r = 0; r < kRows; r++) {
      const typename Kind::Vector left = Kind::splat(a + r);
      _Pragma("GCC unroll 4") for (int v = 0; v < kVectors; v++) sums[r][v] = Kind::add(sums[r][v], left, right[v]);
    }
    a += kRows;
    b += kVectors * kWidth;
  }
  auto* to = static_cast<char*>(c);
  _Pragma("GCC unroll 16") for (int r = 0; r < kRows; r++) {
    _Pragma("GCC unroll 4") for (int v = 0; v < kVectors; v++) Kind::store(to + (r * kVectors + v) * kWidth, sums[r][v]);
  }
}

}  // namespace
}  // namespace ridgepoint
