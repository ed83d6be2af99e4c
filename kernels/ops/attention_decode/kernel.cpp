#include <cmath>

#include "ops/attention_decode/decode.h"
#include "ops/attention/rows.h"
#include "ops/lanes/lanes.h"
#include "ops/products/by_type.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

template <class T>
void load(const Decode& d, int64_t sequence, int64_t kvHead, int64_t first, int64_t count, TileOf<T>& tile) {
  const T* keys = static_cast<const T*>(d.keys);
  const T* values = static_cast<const T*>(d.values);
  tile.count = count;
  tile.quantized = d.keyScales != nullptr;
  for (int64_t at = 0; at < count;) {
    // A run of tokens that lie one after the other.
    const int64_t start = d.row(sequence, kvHead, first + at);
    const int64_t left = d.table == nullptr ? count - at : d.page - (first + at) % d.page;
    const int64_t run = left < count - at ? left : count - at;
    for (int64_t t = 0; t < run; t++) {
      tile.keys[at + t] = keys + (start + t) * d.keyLength;
      tile.values[at + t] = values + (start + t) * d.valueLength;
    }
    for (int64_t t = 0; tile.quantized && t < run; t++) {
      tile.keyScales[at + t] = d.keyScales[start + t];
      tile.valueScales[at + t] = d.valueScales[start + t];
    }
    at += run;
  }
}

// How the work is cut: units of query heads that go together, and parts of the cache in whole tiles.
struct Cut {
  int64_t heads, units, tiles, splits, floats;

  Cut(const Decode& d, int threads, bool packed) {
    heads = packed ? d.heads / d.kvHeads : 1;
    units = d.batch * d.heads / heads;
    tiles = (d.context - d.firstSeen() + TILE - 1) / TILE;
    // Many parts a thread: one that is disturbed is not waited for.
    const int64_t even = threads == 1 ? 1 : (32 * threads + units - 1) / units;
    const int64_t wanted = d.splits > 0 ? d.splits : even;
    splits = wanted < tiles ? wanted : tiles;
    floats = rowsFloats(heads, d.keyLength, d.valueLength);
  }
};

template <class T>
void attendPart(const Decode& d, const Cut& cut, int64_t part, Rows& rows) {
  const int64_t unit = part / cut.splits, split = part % cut.splits, first = d.firstSeen();
  const int64_t head = unit * cut.heads, sequence = head / d.heads;
  const int64_t kvHead = head % d.heads / (d.heads / d.kvHeads);
  const float scale = 1.0f / std::sqrt(static_cast<float>(d.keyLength));
  scaled<Lanes>(d.queries + head * d.keyLength, scale, cut.heads * d.keyLength, rows.queries);
  clear(rows);
  const int64_t from = first + cut.tiles * split / cut.splits * TILE;
  const int64_t end = first + cut.tiles * (split + 1) / cut.splits * TILE;
  const int64_t until = end < d.context ? end : d.context;
  TileOf<T> tiles[2];
  load(d, sequence, kvHead, from, until - from < TILE ? until - from : TILE, tiles[0]);
  int now = 0;
  for (int64_t token = from; token < until; token += TILE, now ^= 1) {
    const int64_t next = token + TILE, left = until - next;
    if (left > 0) load(d, sequence, kvHead, next, left < TILE ? left : TILE, tiles[now ^ 1]);
    attend<Lanes>(rows, tiles[now], nullptr, left >= TILE ? &tiles[now ^ 1] : nullptr);
  }
}

void flash(const Decode& d, Pool& pool, float* scratch, bool packed) {
  const Cut cut(d, pool.threads(), packed);
  pool.split(cut.units * cut.splits, 1, [&](int, int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; part++) {
      Rows rows = rowsIn(scratch + part * cut.floats, cut.heads, d.keyLength, d.valueLength);
      byType(d.type, [&](auto type) { attendPart<decltype(type)>(d, cut, part, rows); });
    }
  });
  for (int64_t unit = 0; unit < cut.units; unit++) {
    const Rows rows = rowsIn(scratch + unit * cut.splits * cut.floats, cut.heads, d.keyLength, d.valueLength);
    for (int64_t r = 0; r < cut.heads; r++)
      mergeParts<Lanes>(rows.top + r, rows.sum + r, rows.output + r * d.valueLength, cut.floats, cut.splits,
                        d.valueLength, d.outputs + (unit * cut.heads + r) * d.valueLength);
  }
}

template <class T>
void plainHead(const Decode& d, int64_t unit, float* scores, float* query) {
  const int64_t first = d.firstSeen(), seen = d.context - first;
  const int64_t sequence = unit / d.heads, kvHead = unit % d.heads / (d.heads / d.kvHeads);
  scaled<Lanes>(d.queries + unit * d.keyLength, 1.0f / std::sqrt(static_cast<float>(d.keyLength)), d.keyLength, query);
  TileOf<T> tile;
  for (int64_t token = 0; token < seen; token += TILE) {
    load(d, sequence, kvHead, first + token, seen - token < TILE ? seen - token : TILE, tile);
    dots<Lanes>(query, d.keyLength, 1, tile.keys, tile.count, d.keyLength, scores + token, seen);
    for (int64_t t = 0; tile.quantized && t < tile.count; t++) scores[token + t] *= tile.keyScales[t];
  }
  softmaxRow<Lanes>(scores, seen);
  float* output = d.outputs + unit * d.valueLength;
  for (int64_t i = 0; i < d.valueLength; i++) output[i] = 0;
  for (int64_t token = 0; token < seen; token += TILE) {
    load(d, sequence, kvHead, first + token, seen - token < TILE ? seen - token : TILE, tile);
    for (int64_t t = 0; tile.quantized && t < tile.count; t++) scores[token + t] *= tile.valueScales[t];
    addWeighted<Lanes>(scores + token, seen, 1, tile.values, tile.count, d.valueLength, output, d.valueLength);
  }
}

}  // namespace

int64_t decode_packed_floats(const Decode& d, int threads) {
  const Cut cut(d, threads, true);
  return cut.units * cut.splits * cut.floats;
}

int64_t decode_unpacked_floats(const Decode& d, int threads) {
  const Cut cut(d, threads, false);
  return cut.units * cut.splits * cut.floats;
}

int64_t decode_plain_floats(const Decode& d, int) { return d.batch * d.heads * (d.context + d.keyLength); }

void decode_packed(const Decode& d, Pool& pool, float* scratch) { flash(d, pool, scratch, true); }

void decode_unpacked(const Decode& d, Pool& pool, float* scratch) { flash(d, pool, scratch, false); }

void decode_plain(const Decode& d, Pool& pool, float* scratch) {
  pool.split(d.batch * d.heads, 1, [&](int, int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; unit++) {
      float* scores = scratch + unit * (d.context + d.keyLength);
      byType(d.type, [&](auto type) { plainHead<decltype(type)>(d, unit, scores, scores + d.context); });
    }
  });
}

}  // namespace ridgepoint::RIDGE_LEVEL
