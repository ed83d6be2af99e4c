#include "ops/attention/rows.h"
#include "ops/lanes/lanes.h"
#include "ops/moe/moe.h"
#include "ops/products/by_type.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

// Outputs that are computed together.
constexpr int64_t BLOCK = 16;

int64_t blocks(const Moe& m) { return (m.outputCount + BLOCK - 1) / BLOCK; }

// One block of an expert's outputs for `count` rows of x, to out[row * BLOCK + output].
template <class T>
int64_t products(const Moe& m, int64_t expert, int64_t block, const float* x, int64_t count, float* out) {
  const T* rows[BLOCK];
  const T* next[BLOCK];
  const int64_t first = block * BLOCK, some = m.outputCount - first < BLOCK ? m.outputCount - first : BLOCK;
  const int64_t ahead = first + 2 * BLOCK <= m.outputCount ? BLOCK : 0;
  for (int64_t r = 0; r < some; r++) {
    rows[r] = static_cast<const T*>(m.w) + (expert * m.outputCount + first + r) * m.inputs;
    next[r] = rows[r] + ahead * m.inputs;
  }
  dots<Lanes>(x, m.inputs, count, rows, some, m.inputs, out, BLOCK, next);
  return some;
}

template <class T>
void single(const Moe& m, Pool& pool) {
  const int64_t each = blocks(m);
  pool.split(m.tokens * m.used * each, 8, [&](int, int64_t begin, int64_t end) {
    float out[BLOCK];
    for (int64_t item = begin; item < end; item++) {
      const int64_t pair = item / each, block = item % each;
      const int64_t some = products<T>(m, m.expertOf[pair], block, m.x + pair / m.used * m.inputs, 1, out);
      for (int64_t r = 0; r < some; r++) m.outputs[pair * m.outputCount + block * BLOCK + r] = out[r];
    }
  });
}

// Pairs of token and place, in the order of their experts.
void order(const Moe& m, int32_t* pairs, int32_t* starts) {
  const int64_t all = m.tokens * m.used;
  for (int64_t e = 0; e <= m.experts; e++) starts[e] = 0;
  for (int64_t i = 0; i < all; i++) starts[m.expertOf[i] + 1]++;
  for (int64_t e = 0; e < m.experts; e++) starts[e + 1] += starts[e];
  for (int64_t i = 0; i < all; i++) pairs[starts[m.expertOf[i]]++] = static_cast<int32_t>(i);
  for (int64_t e = m.experts; e > 0; e--) starts[e] = starts[e - 1];
  starts[0] = 0;
}

template <class T>
void grouped(const Moe& m, Pool& pool, float* scratch) {
  const int64_t all = m.tokens * m.used, each = blocks(m);
  float* x = scratch;
  float* out = x + rounded(all * m.inputs);
  auto* pairs = reinterpret_cast<int32_t*>(out + pool.threads() * rounded(all * BLOCK));
  auto* starts = pairs + rounded(all);
  order(m, pairs, starts);
  pool.split(all, 16, [&](int, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++)
      scaled<Lanes>(m.x + pairs[i] / m.used * m.inputs, 1.0f, m.inputs, x + i * m.inputs);
  });
  pool.split(m.experts * each, 8, [&](int thread, int64_t begin, int64_t end) {
    float* own = out + thread * rounded(all * BLOCK);
    for (int64_t item = begin; item < end; item++) {
      const int64_t expert = item / each, block = item % each;
      const int64_t first = starts[expert], count = starts[expert + 1] - first;
      if (count == 0) continue;
      const int64_t some = products<T>(m, expert, block, x + first * m.inputs, count, own);
      for (int64_t i = 0; i < count; i++)
        for (int64_t r = 0; r < some; r++)
          m.outputs[pairs[first + i] * m.outputCount + block * BLOCK + r] = own[i * BLOCK + r];
    }
  });
}

}  // namespace

int64_t moe_single_floats(const Moe&, int) { return 0; }

int64_t moe_grouped_floats(const Moe& m, int threads) {
  const int64_t all = m.tokens * m.used;
  return rounded(all * m.inputs) + threads * rounded(all * BLOCK) + rounded(all) + rounded(m.experts + 1);
}

void moe_single(const Moe& m, Pool& pool, float*) {
  byFloat(m.type, [&](auto type) { single<decltype(type)>(m, pool); });
}

void moe_grouped(const Moe& m, Pool& pool, float* scratch) {
  byFloat(m.type, [&](auto type) { grouped<decltype(type)>(m, pool, scratch); });
}

}  // namespace ridgepoint::RIDGE_LEVEL
