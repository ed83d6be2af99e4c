#include "ops/attention/rows.h"
#include "ops/lanes/lanes.h"
#include "ops/lora/lora.h"
#include "ops/products/by_type.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

// Outputs that are computed together.
constexpr int64_t BLOCK = 16;

template <class T>
const T* rowOf(const void* matrix, int64_t row, int64_t columns) {
  return static_cast<const T*>(matrix) + row * columns;
}

// out[i * outStride + r] = row (first + r) of a matrix . x_i
template <class T>
void products(const void* matrix, int64_t first, int64_t rows, int64_t columns, const float* x, int64_t stride,
              int64_t count, float* out, int64_t outStride) {
  const T* pointers[BLOCK];
  const T* next[BLOCK];
  for (int64_t row = 0; row < rows; row += BLOCK) {
    const int64_t some = rows - row < BLOCK ? rows - row : BLOCK;
    for (int64_t r = 0; r < some; r++) {
      pointers[r] = rowOf<T>(matrix, first + row + r, columns);
      next[r] = pointers[r] + (row + 2 * BLOCK <= rows ? BLOCK : 0) * columns;
    }
    dots<Lanes>(x, stride, count, pointers, some, columns, out + row, outStride, next);
  }
}

// Tokens in the order of their adapters, and where each adapter's begin: a counting sort.
void order(const Lora& l, int32_t* tokens, int32_t* starts) {
  for (int64_t a = 0; a <= l.adapters; a++) starts[a] = 0;
  for (int64_t i = 0; i < l.tokens; i++) starts[l.adapterOf[i] + 1]++;
  for (int64_t a = 0; a < l.adapters; a++) starts[a + 1] += starts[a];
  for (int64_t i = 0; i < l.tokens; i++) tokens[starts[l.adapterOf[i]]++] = static_cast<int32_t>(i);
  for (int64_t a = l.adapters; a > 0; a--) starts[a] = starts[a - 1];
  starts[0] = 0;
}

struct Scratch {
  float* down;     // [tokens][rank] of A x, in the order of `tokens`
  float* x;        // [tokens][inputs] in that order
  float* block;    // for each thread [tokens][BLOCK] of W x and as much of B A x
  int32_t* tokens;
  int32_t* starts;

  static int64_t floats(const Lora& l, int threads) {
    return rounded(l.tokens * l.rank) + rounded(l.tokens * l.inputs) + threads * 2 * rounded(l.tokens * BLOCK) +
           rounded(l.tokens) + rounded(l.adapters + 1);
  }
  Scratch(const Lora& l, int threads, float* memory) {
    down = memory;
    x = down + rounded(l.tokens * l.rank);
    block = x + rounded(l.tokens * l.inputs);
    tokens = reinterpret_cast<int32_t*>(block + threads * 2 * rounded(l.tokens * BLOCK));
    starts = tokens + rounded(l.tokens);
  }
};

template <class T>
void separate(const Lora& l, Pool& pool, const Scratch& s) {
  const int64_t blocks = (l.outputCount + BLOCK - 1) / BLOCK;
  const auto rows = [&](int64_t block) { return l.outputCount - block * BLOCK < BLOCK ? l.outputCount - block * BLOCK : BLOCK; };
  pool.split(blocks, 1, [&](int, int64_t begin, int64_t end) {
    const int64_t first = begin * BLOCK, until = (end - 1) * BLOCK + rows(end - 1);
    products<T>(l.w, first, until - first, l.inputs, l.x, l.inputs, l.tokens, l.outputs + first, l.outputCount);
  });
  pool.split(l.tokens, 1, [&](int, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++)
      products<T>(l.a, l.adapterOf[i] * l.rank, l.rank, l.inputs, l.x + i * l.inputs, l.inputs, 1, s.down + i * l.rank, l.rank);
  });
  pool.split(blocks, 1, [&](int thread, int64_t begin, int64_t end) {
    float* up = s.block + thread * 2 * rounded(l.tokens * BLOCK);
    for (int64_t block = begin; block < end; block++)
      for (int64_t i = 0; i < l.tokens; i++) {
        const int64_t first = block * BLOCK;
        products<T>(l.b, l.adapterOf[i] * l.outputCount + first, rows(block), l.rank, s.down + i * l.rank, l.rank, 1, up, BLOCK);
        float* y = l.outputs + i * l.outputCount + first;
        for (int64_t r = 0; r < rows(block); r++) y[r] += l.scale * up[r];
      }
  });
  if (l.gain == nullptr) return;
  pool.split(l.tokens, 1, [&](int, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++)
      for (int64_t o = 0; o < l.outputCount; o++)
        l.outputs[i * l.outputCount + o] *= l.gain[l.adapterOf[i] * l.outputCount + o];
  });
}

// down and x in the order of s.tokens; [from, to) of one adapter go together where `together` says so.
template <class T>
void joined(const Lora& l, Pool& pool, const Scratch& s, bool together) {
  const auto end = [&](int64_t i) {
    return together ? static_cast<int64_t>(s.starts[l.adapterOf[s.tokens[i]] + 1]) : i + 1;
  };
  for (int64_t i = 0; i < l.tokens; i++)
    scaled<Lanes>(l.x + s.tokens[i] * l.inputs, 1.0f, l.inputs, s.x + i * l.inputs);
  const int64_t downs = (l.rank + 3) / 4;
  pool.split(downs, 1, [&](int, int64_t begin, int64_t until) {
    const int64_t first = begin * 4, rows = (until * 4 < l.rank ? until * 4 : l.rank) - first;
    for (int64_t i = 0; i < l.tokens; i = end(i))
      products<T>(l.a, l.adapterOf[s.tokens[i]] * l.rank + first, rows, l.inputs, s.x + i * l.inputs, l.inputs, end(i) - i,
                  s.down + i * l.rank + first, l.rank);
  });
  const int64_t blocks = (l.outputCount + BLOCK - 1) / BLOCK;
  pool.split(blocks, 4, [&](int thread, int64_t begin, int64_t until) {
    float* whole = s.block + thread * 2 * rounded(l.tokens * BLOCK);
    float* up = whole + rounded(l.tokens * BLOCK);
    const T* pointers[BLOCK];
    const T* next[BLOCK];
    for (int64_t block = begin; block < until; block++) {
      const int64_t first = block * BLOCK;
      const int64_t rows = l.outputCount - first < BLOCK ? l.outputCount - first : BLOCK;
      const int64_t ahead = first + 2 * BLOCK <= l.outputCount ? BLOCK : 0;
      for (int64_t r = 0; r < rows; r++) {
        pointers[r] = rowOf<T>(l.w, first + r, l.inputs);
        next[r] = pointers[r] + ahead * l.inputs;
      }
      dots<Lanes>(s.x, l.inputs, l.tokens, pointers, rows, l.inputs, whole, BLOCK, next);
      for (int64_t i = 0; i < l.tokens; i = end(i)) {
        const int64_t adapter = l.adapterOf[s.tokens[i]];
        products<T>(l.b, adapter * l.outputCount + first, rows, l.rank, s.down + i * l.rank, l.rank, end(i) - i, up + i * BLOCK,
                    BLOCK);
        for (int64_t j = i; j < end(i); j++) {
          float* y = l.outputs + s.tokens[j] * l.outputCount + first;
          const float* gain = l.gain == nullptr ? nullptr : l.gain + adapter * l.outputCount + first;
          for (int64_t r = 0; r < rows; r++)
            y[r] = (gain == nullptr ? 1.0f : gain[r]) * (whole[j * BLOCK + r] + l.scale * up[j * BLOCK + r]);
        }
      }
    }
  });
}

}  // namespace

int64_t lora_separate_floats(const Lora& l, int threads) { return Scratch::floats(l, threads); }
int64_t lora_fused_floats(const Lora& l, int threads) { return Scratch::floats(l, threads); }
int64_t lora_grouped_floats(const Lora& l, int threads) { return Scratch::floats(l, threads); }

void lora_separate(const Lora& l, Pool& pool, float* scratch) {
  const Scratch s(l, pool.threads(), scratch);
  byFloat(l.type, [&](auto type) { separate<decltype(type)>(l, pool, s); });
}

void lora_fused(const Lora& l, Pool& pool, float* scratch) {
  const Scratch s(l, pool.threads(), scratch);
  for (int64_t i = 0; i < l.tokens; i++) s.tokens[i] = static_cast<int32_t>(i);
  byFloat(l.type, [&](auto type) { joined<decltype(type)>(l, pool, s, false); });
}

void lora_grouped(const Lora& l, Pool& pool, float* scratch) {
  const Scratch s(l, pool.threads(), scratch);
  order(l, s.tokens, s.starts);
  byFloat(l.type, [&](auto type) { joined<decltype(type)>(l, pool, s, true); });
}

}  // namespace ridgepoint::RIDGE_LEVEL
