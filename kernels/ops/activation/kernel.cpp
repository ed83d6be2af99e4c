#include "ops/activation/activation.h"

#include "ops/products/sweep.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

// x / (1 + e^-z)
Lanes::V gated(Lanes::V x, Lanes::V z) {
  const Lanes::V one = Lanes::set(1.0f);
  return Lanes::div(x, Lanes::add(one, Lanes::exp(Lanes::sub(Lanes::zero(), z))));
}

}  // namespace

void silu_mul_rows(const Rowwise& r, Pool& pool) {
  eachRow(r, pool, [&](const auto* x, auto* y, int64_t row) {
    const auto* second = static_cast<decltype(x)>(r.second) + row * r.length;
    lanesOf(r.length, [&](int64_t i, int n) {
      const Lanes::V v = get(x + i, n);
      put(y + i, Lanes::mul(gated(v, v), get(second + i, n)), n);
    });
  });
}

// 0.5 x (1 + tanh u) = x / (1 + e^-2u), u = sqrt(2 / pi) (x + 0.044715 x^3).
void gelu_rows(const Rowwise& r, Pool& pool) {
  eachRow(r, pool, [&](const auto* x, auto* y, int64_t) {
    lanesOf(r.length, [&](int64_t i, int n) {
      const Lanes::V v = get(x + i, n);
      const Lanes::V inner = Lanes::fma(Lanes::mul(v, v), Lanes::set(0.0713548162726f), Lanes::set(1.59576912161f));
      put(y + i, gated(v, Lanes::mul(v, inner)), n);
    });
  });
}

}  // namespace ridgepoint::RIDGE_LEVEL
