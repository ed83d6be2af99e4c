// Products that the ops share: rows of f32 against rows of any element type, and weighted sums of such rows.
// Templates over lanes (ops/lanes), so that each instruction set gets its own; no other code may be inlined here.
#pragma once

#include <cstdint>

namespace ridgepoint {

// Asks for a row that is needed soon: what is computed meanwhile hides the way from memory.
template <class T>
static inline void ask(const T* row, int64_t length) {
  for (int64_t i = 0; i < length; i += static_cast<int64_t>(64 / sizeof(T))) __builtin_prefetch(row + i, 0, 2);
}

// out[r * outStride + k] = queries_r . keys_k for R rows and at most 4 keys. `next` are as many that will be wanted later, or
// null: they are asked for a line at a time, for a burst of them fills the queues to memory and is waited for.
template <class L, int R, class T>
static inline void dotBlock(const float* queries, int64_t stride, const T* const* keys, int count, int64_t length,
                            float* out, int64_t outStride, const T* const* next) {
  const T* k0 = keys[0];
  const T* k1 = keys[count > 1 ? 1 : 0];
  const T* k2 = keys[count > 2 ? 2 : 0];
  const T* k3 = keys[count > 3 ? 3 : 0];
  typename L::V sums[R][4];
  for (int r = 0; r < R; r++)
    for (int k = 0; k < 4; k++) sums[r][k] = L::zero();
  int64_t i = 0;
  for (; i + L::width <= length; i += L::width) {
    constexpr int64_t kLine = static_cast<int64_t>(64 / sizeof(T));
    if (next != nullptr && i % kLine == 0)
      for (int k = 0; k < count; k++) __builtin_prefetch(next[k] + i, 0, 2);
    const typename L::V a = L::load(k0 + i), b = L::load(k1 + i), c = L::load(k2 + i), d = L::load(k3 + i);
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) {
      const typename L::V q = L::load(queries + r * stride + i);
      sums[r][0] = L::fma(q, a, sums[r][0]);
      sums[r][1] = L::fma(q, b, sums[r][1]);
      sums[r][2] = L::fma(q, c, sums[r][2]);
      sums[r][3] = L::fma(q, d, sums[r][3]);
    }
  }
  if (i < length) {
    const int n = static_cast<int>(length - i);
    const typename L::V a = L::loadSome(k0 + i, n), b = L::loadSome(k1 + i, n);
    const typename L::V c = L::loadSome(k2 + i, n), d = L::loadSome(k3 + i, n);
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) {
      const typename L::V q = L::loadSome(queries + r * stride + i, n);
      sums[r][0] = L::fma(q, a, sums[r][0]);
      sums[r][1] = L::fma(q, b, sums[r][1]);
      sums[r][2] = L::fma(q, c, sums[r][2]);
      sums[r][3] = L::fma(q, d, sums[r][3]);
    }
  }
  // Unrolled, so that the sums stay in registers.
#pragma GCC unroll 4
  for (int r = 0; r < R; r++) {
    float four[4];
    L::sums4(sums[r][0], sums[r][1], sums[r][2], sums[r][3], count == 4 ? out + r * outStride : four);
    for (int k = 0; count < 4 && k < count; k++) out[r * outStride + k] = four[k];
  }
}

// out[r * outStride + k] = queries_r . keys_k for all rows and keys. `next` are as many rows that will be wanted after these, or
// null.
template <class L, class T>
static inline void dots(const float* queries, int64_t stride, int64_t rows, const T* const* keys, int64_t count,
                        int64_t length, float* out, int64_t outStride, const T* const* next = nullptr) {
  for (int64_t k = 0; k < count; k += 4) {
    const int some = static_cast<int>(count - k < 4 ? count - k : 4);
    const T* const* later = next == nullptr ? nullptr : next + k;
    int64_t r = 0;
    if constexpr (L::blockRows >= 4)
      for (; r + 4 <= rows; r += 4, later = nullptr)
        dotBlock<L, 4>(queries + r * stride, stride, keys + k, some, length, out + r * outStride + k, outStride, later);
    for (; r + 2 <= rows; r += 2, later = nullptr)
      dotBlock<L, 2>(queries + r * stride, stride, keys + k, some, length, out + r * outStride + k, outStride, later);
    if (r < rows)
      dotBlock<L, 1>(queries + r * stride, stride, keys + k, some, length, out + r * outStride + k, outStride, later);
  }
}

// sums_r[0 .. C * width) += over t of weights[r * weightStride + t] * values_t[0 .. C * width)
template <class L, int R, int C, class T>
static inline void addBlock(const float* weights, int64_t weightStride, const T* const* values, int64_t offset,
                            int64_t count, float* sums, int64_t stride, const T* const* next) {
  typename L::V kept[R][C];
  for (int r = 0; r < R; r++)
    for (int c = 0; c < C; c++) kept[r][c] = L::load(sums + r * stride + c * L::width);
  for (int64_t t = 0; t < count; t++) {
    const T* value = values[t] + offset;
    if (next != nullptr) ask(next[t] + offset, C * L::width);
    typename L::V v[C];
#pragma GCC unroll 4
    for (int c = 0; c < C; c++) v[c] = L::load(value + c * L::width);
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) {
      const typename L::V weight = L::set(weights[r * weightStride + t]);
#pragma GCC unroll 4
      for (int c = 0; c < C; c++) kept[r][c] = L::fma(weight, v[c], kept[r][c]);
    }
  }
  for (int r = 0; r < R; r++)
    for (int c = 0; c < C; c++) L::store(sums + r * stride + c * L::width, kept[r][c]);
}

template <class L, int R, class T>
static inline void addRows(const float* weights, int64_t weightStride, const T* const* values, int64_t count,
                           int64_t length, float* sums, int64_t stride, const T* const* next) {
  int64_t i = 0;
  for (; i + 4 * L::width <= length; i += 4 * L::width)
    addBlock<L, R, 4>(weights, weightStride, values, i, count, sums + i, stride, next);
  for (; i + L::width <= length; i += L::width)
    addBlock<L, R, 1>(weights, weightStride, values, i, count, sums + i, stride, next);
  if (i == length) return;
  const int n = static_cast<int>(length - i);
  for (int r = 0; r < R; r++) {
    typename L::V kept = L::loadSome(sums + r * stride + i, n);
    for (int64_t t = 0; t < count; t++)
      kept = L::fma(L::set(weights[r * weightStride + t]), L::loadSome(values[t] + i, n), kept);
    L::storeSome(sums + r * stride + i, kept, n);
  }
}

// sums_r += over t of weights[r * weightStride + t] * values_t for all rows. `next` as above.
template <class L, class T>
static inline void addWeighted(const float* weights, int64_t weightStride, int64_t rows, const T* const* values,
                               int64_t count, int64_t length, float* sums, int64_t stride,
                               const T* const* next = nullptr) {
  int64_t r = 0;
  if constexpr (L::blockRows >= 4)
    for (; r + 4 <= rows; r += 4, next = nullptr)
      addRows<L, 4>(weights + r * weightStride, weightStride, values, count, length, sums + r * stride, stride, next);
  for (; r + 2 <= rows; r += 2, next = nullptr)
    addRows<L, 2>(weights + r * weightStride, weightStride, values, count, length, sums + r * stride, stride, next);
  if (r < rows)
    addRows<L, 1>(weights + r * weightStride, weightStride, values, count, length, sums + r * stride, stride, next);
}

// to[i] = factor * from[i]
template <class L, class From, class To>
static inline void scaled(const From* from, float factor, int64_t length, To* to) {
  const typename L::V f = L::set(factor);
  int64_t i = 0;
  for (; i + L::width <= length; i += L::width) L::store(to + i, L::mul(f, L::load(from + i)));
  if (i < length) {
    const int n = static_cast<int>(length - i);
    L::storeSome(to + i, L::mul(f, L::loadSome(from + i, n)), n);
  }
}

}  // namespace ridgepoint
