#include <cmath>

#include "ops/attention/rows.h"
#include "ops/lanes/lanes.h"
#include "ops/nsa_decode/nsa.h"
#include "ops/products/by_type.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

struct Scratch {
  int64_t group, scores, importance, chosen, rows;

  explicit Scratch(const Nsa& n) {
    group = n.heads / n.kvHeads;
    scores = rounded(group * n.compressed());
    importance = rounded(n.blocks());
    chosen = rounded(n.blocks());
    rows = rowsFloats(group, n.keyLength, n.valueLength);
  }
  int64_t floats() const { return scores + importance + chosen + rows; }
};

template <class T>
struct Branch {
  const T* keys;
  const T* values;

  Branch(const Nsa& n, int branch, int64_t unit, int64_t rows)
      : keys(static_cast<const T*>(n.keys[branch]) + unit * rows * n.keyLength),
        values(static_cast<const T*>(n.values[branch]) + unit * rows * n.valueLength) {}

  void load(const Nsa& n, int64_t first, TileOf<T>& tile) const {
    for (int64_t t = 0; t < tile.count; t++) {
      tile.keys[t] = keys + (first + t) * n.keyLength;
      tile.values[t] = values + (first + t) * n.valueLength;
    }
  }
};

// outputs += gate of the branch * what the rows have gathered.
void give(const Nsa& n, int branch, int64_t unit, const Rows& rows) {
  for (int64_t r = 0; r < rows.count; r++) {
    if (!(rows.sum[r] > 0)) continue;
    const int64_t head = unit * rows.count + r;
    const float factor = n.gates[head * 3 + branch] / rows.sum[r];
    const float* row = rows.output + r * n.valueLength;
    addWeighted<Lanes>(&factor, 1, 1, &row, 1, n.valueLength, n.outputs + head * n.valueLength, n.valueLength);
  }
}

// Softmax over all compressed blocks; its weights stay in `scores`, [group][compressed()].
template <class T>
void compressedBranch(const Nsa& n, int64_t unit, Rows& rows, float* scores) {
  const int64_t count = n.compressed();
  if (count == 0) return;
  const Branch<T> branch(n, 0, unit, count);
  TileOf<T> tile;
  for (int64_t c = 0; c < count; c += TILE) {
    tile.count = count - c < TILE ? count - c : TILE;
    branch.load(n, c, tile);
    dots<Lanes>(rows.queries, n.keyLength, rows.count, tile.keys, tile.count, n.keyLength, scores + c, count);
  }
  for (int64_t r = 0; r < rows.count; r++) softmaxRow<Lanes>(scores + r * count, count);
  for (int64_t c = 0; c < count; c += TILE) {
    tile.count = count - c < TILE ? count - c : TILE;
    branch.load(n, c, tile);
    addWeighted<Lanes>(scores + c, count, rows.count, tile.values, tile.count, n.valueLength, rows.output, n.valueLength);
  }
  for (int64_t r = 0; r < rows.count; r++) rows.sum[r] = 1;
  give(n, 0, unit, rows);
}

void importanceOf(const Nsa& n, const float* scores, int64_t group, float* importance) {
  const int64_t count = n.compressed(), share = n.compressBlock;
  for (int64_t b = 0; b < n.blocks(); b++) importance[b] = 0;
  for (int64_t c = 0; c < count; c++) {
    float weight = 0;
    for (int64_t r = 0; r < group; r++) weight += scores[r * count + c];
    const int64_t first = c * n.compressStride / n.selectBlock;
    const int64_t last = (c * n.compressStride + share - 1) / n.selectBlock;
    for (int64_t b = first; b <= last && b < n.blocks(); b++)
      importance[b] += weight * static_cast<float>(n.overlap(c, b)) / static_cast<float>(share);
  }
}

template <class T>
void selectedBranch(const Nsa& n, int64_t unit, Rows& rows, const int32_t* chosen) {
  const Branch<T> branch(n, 1, unit, n.context);
  TileOf<T> tile;
  tile.quantized = false;
  clear(rows);
  for (int64_t b = 0; b < n.blocks(); b++) {
    if (chosen[b] == 0) continue;
    const int64_t end = (b + 1) * n.selectBlock < n.context ? (b + 1) * n.selectBlock : n.context;
    for (int64_t token = b * n.selectBlock; token < end; token += TILE) {
      tile.count = end - token < TILE ? end - token : TILE;
      branch.load(n, token, tile);
      attend<Lanes>(rows, tile, nullptr, static_cast<const TileOf<T>*>(nullptr));
    }
  }
  give(n, 1, unit, rows);
}

template <class T>
void windowBranch(const Nsa& n, int64_t unit, Rows& rows) {
  const Branch<T> branch(n, 2, unit, n.windowed());
  TileOf<T> tile;
  tile.quantized = false;
  clear(rows);
  for (int64_t token = 0; token < n.windowed(); token += TILE) {
    tile.count = n.windowed() - token < TILE ? n.windowed() - token : TILE;
    branch.load(n, token, tile);
    attend<Lanes>(rows, tile, nullptr, static_cast<const TileOf<T>*>(nullptr));
  }
  give(n, 2, unit, rows);
}

template <class T>
void group(const Nsa& n, int64_t unit, float* scratch) {
  const Scratch sizes(n);
  float* scores = scratch;
  float* importance = scores + sizes.scores;
  int32_t* chosen = reinterpret_cast<int32_t*>(importance + sizes.importance);
  Rows rows = rowsIn(importance + sizes.importance + sizes.chosen, sizes.group, n.keyLength, n.valueLength);
  const float scale = 1.0f / std::sqrt(static_cast<float>(n.keyLength));
  scaled<Lanes>(n.queries + unit * sizes.group * n.keyLength, scale, sizes.group * n.keyLength, rows.queries);
  clear(rows);
  float* outputs = n.outputs + unit * sizes.group * n.valueLength;
  for (int64_t i = 0; i < sizes.group * n.valueLength; i++) outputs[i] = 0;
  compressedBranch<T>(n, unit, rows, scores);
  importanceOf(n, scores, sizes.group, importance);
  choose(n, importance, chosen);
  selectedBranch<T>(n, unit, rows, chosen);
  windowBranch<T>(n, unit, rows);
}

}  // namespace

int64_t nsa_packed_floats(const Nsa& n, int threads) { return threads * Scratch(n).floats(); }

void nsa_packed(const Nsa& n, Pool& pool, float* scratch) {
  const int64_t each = Scratch(n).floats();
  pool.split(n.batch * n.kvHeads, 1, [&](int thread, int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; unit++)
      byFloat(n.type, [&](auto type) { group<decltype(type)>(n, unit, scratch + thread * each); });
  });
}

}  // namespace ridgepoint::RIDGE_LEVEL
