#include "ops/rope/rope.h"

#include "ops/products/sweep.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

// The sine's sign is in it: a b - c d.
Lanes::V less(Lanes::V a, Lanes::V b, Lanes::V c, Lanes::V d) {
  return Lanes::fma(a, b, Lanes::sub(Lanes::zero(), Lanes::mul(c, d)));
}

template <class T>
void halves(const T* x, T* y, int64_t half, const float* cosines, const float* sines) {
  lanesOf(half, [&](int64_t i, int n) {
    const Lanes::V low = get(x + i, n), high = get(x + half + i, n), c = get(cosines + i, n), s = get(sines + i, n);
    put(y + i, less(low, c, high, s), n);
    put(y + half + i, Lanes::fma(low, s, Lanes::mul(high, c)), n);
  });
}

// Pairs of a row that are taken apart, turned, and put together again.
constexpr int64_t PAIRS = 64;

template <class T>
void neighbours(const T* x, T* y, int64_t half, const float* cosines, const float* sines) {
  float in[2 * PAIRS], out[2 * PAIRS];
  for (int64_t first = 0; first < half; first += PAIRS) {
    const int64_t some = half - first < PAIRS ? half - first : PAIRS;
    lanesOf(2 * some, [&](int64_t i, int n) { put(in + i, get(x + 2 * first + i, n), n); });
    for (int64_t i = 0; i < some; i++) {
      const float c = cosines[first + i], s = sines[first + i];
      out[2 * i] = in[2 * i] * c - in[2 * i + 1] * s;
      out[2 * i + 1] = in[2 * i] * s + in[2 * i + 1] * c;
    }
    lanesOf(2 * some, [&](int64_t i, int n) { put(y + 2 * first + i, get(out + i, n), n); });
  }
}

}  // namespace

void rope_rows(const Rowwise& r, Pool& pool) {
  const int64_t half = r.length / 2;
  eachRow(r, pool, [&](const auto* x, auto* y, int64_t row) {
    const float* cosines = r.a + row / r.heads * half;
    const float* sines = r.b + row / r.heads * half;
    r.interleaved ? neighbours(x, y, half, cosines, sines) : halves(x, y, half, cosines, sines);
  });
}

}  // namespace ridgepoint::RIDGE_LEVEL
