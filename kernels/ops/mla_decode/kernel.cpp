#include <cmath>

#include "ops/attention/rows.h"
#include "ops/lanes/lanes.h"
#include "ops/mla_decode/mla.h"
#include "ops/products/by_type.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

// Heads that go past a tile of latents together, and tokens whose latents stay in a second-level cache until all heads
// have passed.
constexpr int64_t HEADS = 16;
constexpr int64_t PART = 512;

float scaleOf(const Mla& m) { return 1.0f / std::sqrt(static_cast<float>(m.queryLength())); }

struct Cut {
  int64_t splits, blocks, floats;

  explicit Cut(const Mla& m, int threads) {
    const int64_t tiles = (m.context + TILE - 1) / TILE;
    const int64_t even = threads == 1 ? 1 : (8 * threads + m.batch - 1) / m.batch;
    const int64_t local = (m.context + PART - 1) / PART;
    const int64_t wanted = m.splits > 0 ? m.splits : even > local ? even : local;
    splits = wanted < tiles ? wanted : tiles;
    blocks = (m.heads + HEADS - 1) / HEADS;
    floats = rowsFloats(HEADS, m.cached(), m.rank);
  }
  int64_t part(int64_t sequence, int64_t split, int64_t block) const {
    return ((sequence * splits + split) * blocks + block) * floats;
  }
};

// q' of one head: [rank] of sum over n of q_n upKey_n, and behind it the rotated part as it is; scaled.
template <class T>
void absorb(const Mla& m, int64_t unit, float* to) {
  const int64_t head = unit % m.heads;
  const float* query = m.queries + unit * m.queryLength();
  for (int64_t r = 0; r < m.rank; r++) to[r] = 0;
  const T* rows[TILE];
  for (int64_t n = 0; n < m.headLength; n += TILE) {
    const int64_t some = m.headLength - n < TILE ? m.headLength - n : TILE;
    for (int64_t i = 0; i < some; i++)
      rows[i] = static_cast<const T*>(m.upKey) + (head * m.headLength + n + i) * m.rank;
    addWeighted<Lanes>(query + n, m.headLength, 1, rows, some, m.rank, to, m.rank);
  }
  scaled<Lanes>(to, scaleOf(m), m.rank, to);
  scaled<Lanes>(query + m.headLength, scaleOf(m), m.ropeLength, to + m.rank);
}

template <class T>
void attendPart(const Mla& m, const Cut& cut, const float* absorbed, float* parts, int64_t sequence, int64_t split) {
  const int64_t tiles = (m.context + TILE - 1) / TILE;
  const int64_t from = tiles * split / cut.splits * TILE, end = tiles * (split + 1) / cut.splits * TILE;
  const int64_t until = end < m.context ? end : m.context;
  const T* cache = static_cast<const T*>(m.cache) + sequence * m.context * m.cached();
  for (int64_t block = 0; block < cut.blocks; block++) {
    const int64_t first = block * HEADS, count = m.heads - first < HEADS ? m.heads - first : HEADS;
    Rows rows = rowsIn(parts + cut.part(sequence, split, block), count, m.cached(), m.rank);
    scaled<Lanes>(absorbed + (sequence * m.heads + first) * m.cached(), 1.0f, count * m.cached(), rows.queries);
    clear(rows);
    TileOf<T> tile;
    tile.quantized = false;
    for (int64_t token = from; token < until; token += TILE) {
      tile.count = until - token < TILE ? until - token : TILE;
      for (int64_t t = 0; t < tile.count; t++) tile.keys[t] = tile.values[t] = cache + (token + t) * m.cached();
      attend<Lanes>(rows, tile, nullptr, static_cast<const TileOf<T>*>(nullptr));
    }
  }
}

// out = matrix row . vector for the rows of one head's matrix of `rows` x rank.
template <class T>
void apply(const Mla& m, const T* matrix, int64_t rows, const float* vectors, int64_t stride, int64_t count, float* out,
           int64_t outStride) {
  const T* pointers[TILE];
  for (int64_t row = 0; row < rows; row += TILE) {
    const int64_t some = rows - row < TILE ? rows - row : TILE;
    for (int64_t i = 0; i < some; i++) pointers[i] = matrix + (row + i) * m.rank;
    dots<Lanes>(vectors, stride, count, pointers, some, m.rank, out + row, outStride);
  }
}

// The parts of one head put together, and upValue applied.
template <class T>
void finish(const Mla& m, const Cut& cut, const float* parts, int64_t unit, float* latent) {
  const int64_t sequence = unit / m.heads, head = unit % m.heads, block = head / HEADS, at = head % HEADS;
  const int64_t first = block * HEADS, count = m.heads - first < HEADS ? m.heads - first : HEADS;
  const Rows rows = rowsIn(const_cast<float*>(parts) + cut.part(sequence, 0, block), count, m.cached(), m.rank);
  mergeParts<Lanes>(rows.top + at, rows.sum + at, rows.output + at * m.rank, cut.blocks * cut.floats, cut.splits, m.rank, latent);
  const T* matrix = static_cast<const T*>(m.upValue) + head * m.valueLength * m.rank;
  apply(m, matrix, m.valueLength, latent, m.rank, 1, m.outputs + unit * m.valueLength, m.valueLength);
}

struct NaiveScratch {
  int64_t latents, keys, values, rows;

  explicit NaiveScratch(const Mla& m) {
    latents = rounded(TILE * m.rank);
    keys = rounded(TILE * m.queryLength());
    values = rounded(TILE * m.valueLength);
    rows = rowsFloats(1, m.queryLength(), m.valueLength);
  }
  int64_t floats() const { return latents + keys + values + rows; }
};

template <class T>
void naiveHead(const Mla& m, int64_t unit, float* scratch) {
  const NaiveScratch sizes(m);
  float* latents = scratch;
  float* keys = latents + sizes.latents;
  float* values = keys + sizes.keys;
  Rows rows = rowsIn(values + sizes.values, 1, m.queryLength(), m.valueLength);
  const int64_t sequence = unit / m.heads, head = unit % m.heads;
  const T* cache = static_cast<const T*>(m.cache) + sequence * m.context * m.cached();
  scaled<Lanes>(m.queries + unit * m.queryLength(), scaleOf(m), m.queryLength(), rows.queries);
  clear(rows);
  TileOf<float> tile;
  tile.quantized = false;
  for (int64_t t = 0; t < TILE; t++) {
    tile.keys[t] = keys + t * m.queryLength();
    tile.values[t] = values + t * m.valueLength;
  }
  for (int64_t token = 0; token < m.context; token += TILE) {
    tile.count = m.context - token < TILE ? m.context - token : TILE;
    for (int64_t t = 0; t < tile.count; t++) {
      const T* row = cache + (token + t) * m.cached();
      scaled<Lanes>(row, 1.0f, m.rank, latents + t * m.rank);
      scaled<Lanes>(row + m.rank, 1.0f, m.ropeLength, keys + t * m.queryLength() + m.headLength);
    }
    apply(m, static_cast<const T*>(m.upKey) + head * m.headLength * m.rank, m.headLength, latents, m.rank, tile.count, keys,
          m.queryLength());
    apply(m, static_cast<const T*>(m.upValue) + head * m.valueLength * m.rank, m.valueLength, latents, m.rank, tile.count,
          values, m.valueLength);
    attend<Lanes>(rows, tile, nullptr, static_cast<const TileOf<float>*>(nullptr));
  }
  scaled<Lanes>(rows.output, 1.0f / rows.sum[0], m.valueLength, m.outputs + unit * m.valueLength);
}

}  // namespace

int64_t mla_absorbed_floats(const Mla& m, int threads) {
  const Cut cut(m, threads);
  return rounded(m.batch * m.heads * m.cached()) + m.batch * cut.splits * cut.blocks * cut.floats + threads * rounded(m.rank);
}

void mla_absorbed(const Mla& m, Pool& pool, float* scratch) {
  const Cut cut(m, pool.threads());
  float* absorbed = scratch;
  float* parts = absorbed + rounded(m.batch * m.heads * m.cached());
  float* latents = parts + m.batch * cut.splits * cut.blocks * cut.floats;
  byFloat(m.type, [&](auto type) {
    using T = decltype(type);
    pool.split(m.batch * m.heads, 1, [&](int, int64_t begin, int64_t end) {
      for (int64_t unit = begin; unit < end; unit++) absorb<T>(m, unit, absorbed + unit * m.cached());
    });
    pool.split(m.batch * cut.splits, 1, [&](int, int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; part++)
        attendPart<T>(m, cut, absorbed, parts, part / cut.splits, part % cut.splits);
    });
    pool.split(m.batch * m.heads, 1, [&](int thread, int64_t begin, int64_t end) {
      for (int64_t unit = begin; unit < end; unit++) finish<T>(m, cut, parts, unit, latents + thread * rounded(m.rank));
    });
  });
}

int64_t mla_naive_floats(const Mla& m, int threads) { return threads * NaiveScratch(m).floats(); }

void mla_naive(const Mla& m, Pool& pool, float* scratch) {
  pool.split(m.batch * m.heads, 1, [&](int thread, int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; unit++)
      byFloat(m.type, [&](auto type) { naiveHead<decltype(type)>(m, unit, scratch + thread * NaiveScratch(m).floats()); });
  });
}

}  // namespace ridgepoint::RIDGE_LEVEL
