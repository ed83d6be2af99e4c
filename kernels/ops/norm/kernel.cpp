#include "ops/norm/norm.h"

#include <cmath>

#include "ops/products/sweep.h"

namespace ridgepoint::RIDGE_LEVEL {

void rms_norm_rows(const Rowwise& r, Pool& pool) {
  eachRow(r, pool, [&](const auto* x, auto* y, int64_t) {
    Lanes::V squares = Lanes::zero();
    lanesOf(r.length, [&](int64_t i, int n) {
      const Lanes::V v = get(x + i, n);
      squares = Lanes::fma(v, v, squares);
    });
    const Lanes::V factor = Lanes::set(1.0f / std::sqrt(Lanes::sum(squares) / static_cast<float>(r.length) + EPSILON));
    lanesOf(r.length, [&](int64_t i, int n) { put(y + i, Lanes::mul(Lanes::mul(get(x + i, n), factor), get(r.a + i, n)), n); });
  });
}

void layer_norm_rows(const Rowwise& r, Pool& pool) {
  eachRow(r, pool, [&](const auto* x, auto* y, int64_t) {
    const auto length = static_cast<float>(r.length);
    Lanes::V sum = Lanes::zero();
    lanesOf(r.length, [&](int64_t i, int n) { sum = Lanes::add(sum, get(x + i, n)); });
    const float mean = Lanes::sum(sum) / length;
    // The variance in a second pass over what is in the cache now: the difference of two large sums would lose it.
    Lanes::V squares = Lanes::zero();
    float rest = 0;
    lanesOf(r.length, [&](int64_t i, int n) {
      if (n == Lanes::width) {
        const Lanes::V v = Lanes::sub(get(x + i, n), Lanes::set(mean));
        squares = Lanes::fma(v, v, squares);
      } else {
        for (int64_t j = i; j < r.length; j++) rest += (toFloat(x[j]) - mean) * (toFloat(x[j]) - mean);
      }
    });
    const Lanes::V factor = Lanes::set(1.0f / std::sqrt((Lanes::sum(squares) + rest) / length + EPSILON));
    lanesOf(r.length, [&](int64_t i, int n) {
      const Lanes::V v = Lanes::mul(Lanes::sub(get(x + i, n), Lanes::set(mean)), factor);
      put(y + i, Lanes::fma(v, get(r.a + i, n), get(r.b + i, n)), n);
    });
  });
}

}  // namespace ridgepoint::RIDGE_LEVEL
