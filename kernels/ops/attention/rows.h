// Query rows on their way past tiles of keys and values: attention with a softmax that is corrected as it goes
// (Milakov and Gimelshein, arXiv 1805.02867; FlashAttention, arXiv 2205.14135), and the merge of parts that went
// past different tiles (flash-decoding).
#pragma once

#include <cmath>
#include <cstdint>

#include "ops/products/dots.h"

namespace ridgepoint {

// Keys of a tile: keys and values of one tile of 128 half-precision elements stay in a first-level cache of 32 KiB.
constexpr int64_t TILE = 32;

struct Rows {
  int64_t count, keyLength, valueLength;
  float* queries;  // [count][keyLength], with the scale of the scores in them
  float* scores;   // [count][TILE]
  float* top;      // [count] the largest score so far
  float* sum;      // [count] of e^(score - top)
  float* output;   // [count][valueLength], not yet divided by the sum
};

static inline int64_t rounded(int64_t floats) { return (floats + 15) / 16 * 16; }

static inline int64_t rowsFloats(int64_t count, int64_t keyLength, int64_t valueLength) {
  return rounded(count * keyLength) + count * TILE + 2 * rounded(count) + rounded(count * valueLength);
}

static inline Rows rowsIn(float* memory, int64_t count, int64_t keyLength, int64_t valueLength) {
  Rows rows{count, keyLength, valueLength, memory, nullptr, nullptr, nullptr, nullptr};
  rows.scores = rows.queries + rounded(count * keyLength);
  rows.top = rows.scores + count * TILE;
  rows.sum = rows.top + rounded(count);
  rows.output = rows.sum + rounded(count);
  return rows;
}

static inline void clear(Rows& rows) {
  for (int64_t r = 0; r < rows.count; r++) {
    rows.top[r] = -INFINITY;
    rows.sum[r] = 0;
  }
  for (int64_t i = 0; i < rows.count * rows.valueLength; i++) rows.output[i] = 0;
}

// What a row sees of a tile: keys from `first` up to, not including, `last`.
struct Seen {
  int64_t first, last;
};

// A tile of at most TILE tokens. Scales are null, or one factor per token for quantized caches.
template <class T>
struct TileOf {
  const T* keys[TILE];
  const T* values[TILE];
  float keyScales[TILE];
  float valueScales[TILE];
  int64_t count;
  bool quantized;
};

// One row's part of the softmax: scores become weights. Returns what the row's output so far is multiplied by.
template <class L>
static inline float weigh(float* scores, float* top, float* sum) {
  typename L::V most = L::load(scores);
  for (int64_t t = L::width; t < TILE; t += L::width) most = L::max(most, L::load(scores + t));
  const float high = L::top(most);
  if (high == -INFINITY) {
    for (int64_t t = 0; t < TILE; t++) scores[t] = 0;
    return 1;
  }
  const float next = high > *top ? high : *top;
  const typename L::V shift = L::set(next);
  typename L::V total = L::zero();
  for (int64_t t = 0; t < TILE; t += L::width) {
    const typename L::V weight = L::exp(L::sub(L::load(scores + t), shift));
    L::store(scores + t, weight);
    total = L::add(total, weight);
  }
  const float kept = next == *top ? 1.0f : std::exp(*top - next);
  *sum = *sum * kept + L::sum(total);
  *top = next;
  return kept;
}

// Takes all rows past one tile. `seen` is null when every row sees all of it; `next` is the tile that will follow, if it is
// known and at least as long.
template <class L, class T>
static inline void attend(Rows& rows, const TileOf<T>& tile, const Seen* seen, const TileOf<T>* next) {
  dots<L>(rows.queries, rows.keyLength, rows.count, tile.keys, tile.count, rows.keyLength, rows.scores, TILE,
          next == nullptr ? nullptr : next->keys);
  for (int64_t r = 0; r < rows.count; r++) {
    float* scores = rows.scores + r * TILE;
    if (tile.quantized)
      for (int64_t t = 0; t < tile.count; t++) scores[t] *= tile.keyScales[t];
    for (int64_t t = tile.count; t < TILE; t++) scores[t] = -INFINITY;
    if (seen != nullptr) {
      for (int64_t t = 0; t < seen[r].first && t < TILE; t++) scores[t] = -INFINITY;
      for (int64_t t = seen[r].last > 0 ? seen[r].last : 0; t < TILE; t++) scores[t] = -INFINITY;
    }
    // Memory would stand still meanwhile.
    if (next != nullptr)
      for (int64_t t = r * 8 / rows.count; t < (r + 1) * 8 / rows.count; t++) ask(next->values[t], rows.valueLength);
    const float kept = weigh<L>(scores, rows.top + r, rows.sum + r);
    if (kept != 1.0f) {
      float* output = rows.output + r * rows.valueLength;
      scaled<L>(output, kept, rows.valueLength, output);
    }
    if (tile.quantized)
      for (int64_t t = 0; t < tile.count; t++) scores[t] *= tile.valueScales[t];
  }
  addWeighted<L>(rows.scores, TILE, rows.count, tile.values, tile.count, rows.valueLength, rows.output,
                 rows.valueLength, next == nullptr ? nullptr : next->values);
}

// scores[i] = e^(scores[i] - top) / sum, in place; count of at least 1.
template <class L>
static inline void softmaxRow(float* scores, int64_t count) {
  float top = scores[0], sum = 0;
  int64_t i = 0;
  if (count >= L::width) {
    typename L::V most = L::load(scores);
    for (; i + L::width <= count; i += L::width) most = L::max(most, L::load(scores + i));
    top = L::top(most);
  }
  for (; i < count; i++) top = scores[i] > top ? scores[i] : top;
  const typename L::V shift = L::set(top);
  typename L::V total = L::zero();
  for (i = 0; i + L::width <= count; i += L::width) {
    const typename L::V weight = L::exp(L::sub(L::load(scores + i), shift));
    L::store(scores + i, weight);
    total = L::add(total, weight);
  }
  sum = L::sum(total);
  for (; i < count; i++) sum += scores[i] = std::exp(scores[i] - top);
  scaled<L>(scores, 1.0f / sum, count, scores);
}

// Puts the parts of one row together: to = sum of e^(top_p - top) output_p / sum of e^(top_p - top) sum_p. A row that saw
// nothing gives zeros. `step` is the distance of parts in floats, the same for all three.
template <class L>
static inline void mergeParts(const float* top, const float* sum, const float* output, int64_t step, int64_t parts,
                              int64_t length, float* to) {
  float high = -INFINITY;
  for (int64_t p = 0; p < parts; p++) high = top[p * step] > high ? top[p * step] : high;
  for (int64_t i = 0; i < length; i++) to[i] = 0;
  float total = 0;
  for (int64_t p = 0; p < parts; p++)
    if (sum[p * step] > 0) total += std::exp(top[p * step] - high) * sum[p * step];
  for (int64_t p = 0; p < parts; p++) {
    if (!(sum[p * step] > 0)) continue;
    const float factor = std::exp(top[p * step] - high) / total;
    const float* part = output + p * step;
    addWeighted<L>(&factor, 1, 1, &part, 1, length, to, length);
  }
}

}  // namespace ridgepoint
