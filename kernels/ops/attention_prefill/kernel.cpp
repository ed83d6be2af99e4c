#include <cmath>

#include "ops/attention_prefill/prefill.h"
#include "ops/attention/rows.h"
#include "ops/lanes/lanes.h"
#include "ops/products/by_type.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

// Queries that go past a tile together: with their outputs they stay in a second-level cache.
constexpr int64_t BLOCK = 32;

float scaleOf(const Prefill& p) { return 1.0f / std::sqrt(static_cast<float>(p.keyLength)); }

template <class T>
void load(const Prefill& p, int64_t head, int64_t first, int64_t count, TileOf<T>& tile) {
  const int64_t kvHead = head / (p.heads / p.kvHeads);
  tile.count = count;
  tile.quantized = false;
  for (int64_t t = 0; t < count; t++) {
    const int64_t row = kvHead * p.context() + first + t;
    tile.keys[t] = static_cast<const T*>(p.keys) + row * p.keyLength;
    tile.values[t] = static_cast<const T*>(p.values) + row * p.valueLength;
  }
}

// head counts over all sequences; heads / kvHeads divides both counts, so the K/V head follows from it.
template <class T>
void block(const Prefill& p, int64_t head, int64_t begin, int64_t count, float* scratch) {
  Rows rows = rowsIn(scratch, count, p.keyLength, p.valueLength);
  scaled<Lanes>(p.queries + (head * p.tokens + begin) * p.keyLength, scaleOf(p), count * p.keyLength, rows.queries);
  clear(rows);
  const int64_t from = p.first(begin) / TILE * TILE, until = p.last(begin + count - 1);
  TileOf<T> tile;
  Seen seen[BLOCK];
  for (int64_t token = from; token < until; token += TILE) {
    load(p, head, token, until - token < TILE ? until - token : TILE, tile);
    // The last query's window begins last, the first query's ends first.
    const bool all = p.first(begin + count - 1) <= token && p.last(begin) >= token + tile.count;
    for (int64_t r = 0; !all && r < count; r++) seen[r] = {p.first(begin + r) - token, p.last(begin + r) - token};
    attend<Lanes>(rows, tile, all ? nullptr : seen, static_cast<const TileOf<T>*>(nullptr));
  }
  for (int64_t r = 0; r < count; r++)
    scaled<Lanes>(rows.output + r * p.valueLength, 1.0f / rows.sum[r], p.valueLength,
                  p.outputs + (head * p.tokens + begin + r) * p.valueLength);
}

template <class T>
void plainHead(const Prefill& p, int64_t head, float* scores, float* queries) {
  const int64_t context = p.context();
  scaled<Lanes>(p.queries + head * p.tokens * p.keyLength, scaleOf(p), p.tokens * p.keyLength, queries);
  TileOf<T> tile;
  for (int64_t token = 0; token < context; token += TILE) {
    load(p, head, token, context - token < TILE ? context - token : TILE, tile);
    dots<Lanes>(queries, p.keyLength, p.tokens, tile.keys, tile.count, p.keyLength, scores + token, context);
  }
  for (int64_t i = 0; i < p.tokens; i++) {
    float* row = scores + i * context;
    for (int64_t t = 0; t < p.first(i); t++) row[t] = -INFINITY;
    for (int64_t t = p.last(i); t < context; t++) row[t] = -INFINITY;
    softmaxRow<Lanes>(row, context);
  }
  float* outputs = p.outputs + head * p.tokens * p.valueLength;
  for (int64_t i = 0; i < p.tokens * p.valueLength; i++) outputs[i] = 0;
  for (int64_t token = 0; token < context; token += TILE) {
    load(p, head, token, context - token < TILE ? context - token : TILE, tile);
    addWeighted<Lanes>(scores + token, context, p.tokens, tile.values, tile.count, p.valueLength, outputs, p.valueLength);
  }
}

}  // namespace

int64_t prefill_flash_floats(const Prefill& p, int threads) {
  return threads * rowsFloats(BLOCK, p.keyLength, p.valueLength);
}

void prefill_flash(const Prefill& p, Pool& pool, float* scratch) {
  const int64_t blocks = (p.tokens + BLOCK - 1) / BLOCK;
  const int64_t each = rowsFloats(BLOCK, p.keyLength, p.valueLength);
  pool.split(p.batch * p.heads * blocks, 1, [&](int thread, int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; unit++) {
      // The longest first: late blocks of a causal triangle see the most.
      const int64_t head = unit % (p.batch * p.heads), first = (blocks - 1 - unit / (p.batch * p.heads)) * BLOCK;
      const int64_t count = p.tokens - first < BLOCK ? p.tokens - first : BLOCK;
      byFloat(p.type, [&](auto type) { block<decltype(type)>(p, head, first, count, scratch + thread * each); });
    }
  });
}

int64_t prefill_plain_floats(const Prefill& p, int threads) { return threads * p.tokens * (p.context() + p.keyLength); }

void prefill_plain(const Prefill& p, Pool& pool, float* scratch) {
  pool.split(p.batch * p.heads, 1, [&](int thread, int64_t begin, int64_t end) {
    float* scores = scratch + thread * p.tokens * (p.context() + p.keyLength);
    for (int64_t head = begin; head < end; head++)
      byFloat(p.type, [&](auto type) { plainHead<decltype(type)>(p, head, scores, scores + p.tokens * p.context()); });
  });
}

}  // namespace ridgepoint::RIDGE_LEVEL
