// A walk over a row in lanes. To be included by LEVELS files alone.
#pragma once

#include "ops/lanes/lanes.h"
#include "ops/products/by_type.h"
#include "ops/products/rowwise.h"

namespace ridgepoint::RIDGE_LEVEL {

// Calls use(i, n) for every group of lanes of [0, length); n < width at the end.
template <class Use>
inline void lanesOf(int64_t length, const Use& use) {
  int64_t i = 0;
  for (; i + Lanes::width <= length; i += Lanes::width) use(i, Lanes::width);
  if (i < length) use(i, static_cast<int>(length - i));
}

template <class T>
inline Lanes::V get(const T* from, int n) {
  return n == Lanes::width ? Lanes::load(from) : Lanes::loadSome(from, n);
}

template <class T>
inline void put(T* to, Lanes::V value, int n) {
  n == Lanes::width ? Lanes::store(to, value) : Lanes::storeSome(to, value, n);
}

// Rows that a thread takes at once: some 64 KiB, so that taking them costs nothing.
inline int64_t chunkOf(const Rowwise& r) {
  const int64_t rows = 16384 / r.length;
  return rows > 1 ? rows : 1;
}

// Calls use(x, y, row) for every row, on all threads.
template <class Use>
inline void eachRow(const Rowwise& r, Pool& pool, const Use& use) {
  byFloat(r.type, [&](auto type) {
    using T = decltype(type);
    pool.split(r.rows, chunkOf(r), [&](int, int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; row++)
        use(static_cast<const T*>(r.x) + row * r.length, static_cast<T*>(r.y) + row * r.length, row);
    });
  });
}

}  // namespace ridgepoint::RIDGE_LEVEL
