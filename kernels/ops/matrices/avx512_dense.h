// Dense rows with AVX-512. Include it as avx512_lanes.h.
#pragma once

#include "ops/matrices/avx512_lanes.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

template <typename Lanes>
struct DenseSource {
  const typename Lanes::Element* at;
  inline void next(typename Lanes::Part* parts) {
    for (int p = 0; p < Lanes::kParts; p++) parts[p] = Lanes::load(at, p);
    constexpr int kBytes = 64 * static_cast<int>(sizeof(typename Lanes::Element));
#pragma GCC unroll 4
    for (int line = 0; line < kBytes; line += 64) _mm_prefetch(reinterpret_cast<const char*>(at) + ops::kAhead + line, _MM_HINT_T0);
    at += 64;
  }
};

template <typename Lanes>
inline void dense_rows(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {
  const auto* values = static_cast<const typename Lanes::Element*>(w.values);
  rows_times<Lanes>(w, x, begin, end, y, [&](int64_t row) { return DenseSource<Lanes>{values + row * w.stride}; });
}

}  // namespace
}  // namespace ridgepoint::RIDGE_LEVEL
