#include "ops/softmax/softmax.h"

#include <cmath>

#include "ops/products/sweep.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

template <class T>
float topOf(const T* x, int64_t length) {
  Lanes::V most = Lanes::set(-INFINITY);
  float rest = -INFINITY;
  lanesOf(length, [&](int64_t i, int n) {
    if (n == Lanes::width) {
      most = Lanes::max(most, get(x + i, n));
    } else {
      for (int64_t j = i; j < length; j++) rest = toFloat(x[j]) > rest ? toFloat(x[j]) : rest;
    }
  });
  const float top = Lanes::top(most);
  return top > rest ? top : rest;
}

template <class T>
float sumOf(const T* x, int64_t from, int64_t length, float top) {
  Lanes::V sum = Lanes::zero();
  float rest = 0;
  lanesOf(length - from, [&](int64_t i, int n) {
    if (n == Lanes::width) {
      sum = Lanes::add(sum, Lanes::exp(Lanes::sub(get(x + from + i, n), Lanes::set(top))));
    } else {
      for (int64_t j = from + i; j < length; j++) rest += std::exp(toFloat(x[j]) - top);
    }
  });
  return Lanes::sum(sum) + rest;
}

template <class T>
void write(const T* x, T* y, int64_t length, float top, float sum) {
  const Lanes::V factor = Lanes::set(1.0f / sum);
  lanesOf(length, [&](int64_t i, int n) {
    put(y + i, Lanes::mul(factor, Lanes::exp(Lanes::sub(get(x + i, n), Lanes::set(top)))), n);
  });
}

// Numbers that go together in the running way: a quarter of a first-level cache of 32 KiB.
constexpr int64_t BLOCK = 2048;

}  // namespace

void softmax_rows(const Rowwise& r, Pool& pool) {
  eachRow(r, pool, [&](const auto* x, auto* y, int64_t) {
    const float top = topOf(x, r.length);
    write(x, y, r.length, top, sumOf(x, 0, r.length, top));
  });
}

// Maximum and sum in one pass, the sum corrected when the maximum grows (arXiv 1805.02867).
void softmax_online(const Rowwise& r, Pool& pool) {
  eachRow(r, pool, [&](const auto* x, auto* y, int64_t) {
    float top = -INFINITY, sum = 0;
    for (int64_t from = 0; from < r.length; from += BLOCK) {
      const int64_t until = from + BLOCK < r.length ? from + BLOCK : r.length;
      const float high = topOf(x + from, until - from);
      if (high > top) {
        sum *= std::exp(top - high);
        top = high;
      }
      sum += sumOf(x, from, until, top);
    }
    write(x, y, r.length, top, sum);
  });
}

}  // namespace ridgepoint::RIDGE_LEVEL
