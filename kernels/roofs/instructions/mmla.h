// Instructions that multiply two rows with two columns: 2 x 8 int8 or 2 x 4 bf16 of each, 2 x 2 sums.
#pragma once

#include <arm_neon.h>

#include "roofs/kernels.h"

namespace ridgepoint {
namespace {

constexpr int kRowPairs = 4, kColumnPairs = 4;

// Kind: Vector; Sum; load(from), add(sum, a, b), low(sum), high(sum), store(c, two).
template <typename Kind>
void multiply(const void* a_panel, const void* b_panel, int64_t groups, void* c) {
  auto* a = static_cast<const char*>(a_panel);
  auto* b = static_cast<const char*>(b_panel);
  typename Kind::Sum sums[kRowPairs][kColumnPairs] = {};
  for (int64_t g = 0; g < groups; g += 2) {
    typename Kind::Vector right[kColumnPairs];
    _Pragma("GCC unroll 4") for (int v = 0; v < kColumnPairs; v++) right[v] = Kind::load(b + v * 16);
    _Pragma("GCC unroll 4") for (int r = 0; r < kRowPairs; r++) {
      const typename Kind::Vector left = Kind::load(a + r * 16);
      _Pragma("GCC unroll 4") for (int v = 0; v < kColumnPairs; v++) sums[r][v] = Kind::add(sums[r][v], left, right[v]);
    }
    a += kRowPairs * 16;
    b += kColumnPairs * 16;
  }
  auto* to = static_cast<int32_t*>(c);
  for (int r = 0; r < kRowPairs; r++) {
    for (int v = 0; v < kColumnPairs; v++) {
      Kind::store(to + 2 * r * 2 * kColumnPairs + 2 * v, Kind::low(sums[r][v]));
      Kind::store(to + (2 * r + 1) * 2 * kColumnPairs + 2 * v, Kind::high(sums[r][v]));
    }
  }
}

}  // namespace
}  // namespace ridgepoint
