// Tiles for processors whose registers hold less than sixteen rows, and have no instruction that spreads: AVX2 and NEON. Tiles are
// those of tiles.h; what is spread is multiplied before the next is, for there are few registers. Include it inside a file of a
// level that lanes16.h knows.
#pragma once

#include "ops/matrices/rows_kernel.h"
#include "ops/matrices/lanes16.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

struct NumbersF32 {
  using Element = float;
  using Vector = float;
  using Sum = Lanes16::Floats;
  static constexpr int kParts = 4;
  static const float* vectors(const ops::Rounded& x) { return x.floats; }
  static Sum zero() { return Lanes16::zero(); }
  // A part of a tile: here one of its four columns.
  static auto whole(const float* values, int part) { return Lanes16::floats(values + 16 * part); }
  static auto spread(const float* values, const Kept& kept, int part) { return Lanes16::spread_floats(values, kept, 2 * part); }
  // x: the tile's four activations.
  static Sum add(Lanes16::Floats w, const float* x, int part, Sum sum) { return Lanes16::add_products(w, x[part], sum); }
  static Lanes16::Floats total(const ops::Packed&, const ops::Rounded&, int64_t, int64_t, Sum sum) { return sum; }
};

struct NumbersF16 : NumbersF32 {
  using Element = uint16_t;
  static auto whole(const uint16_t* values, int part) { return Lanes16::halves(values + 16 * part); }
  static auto spread(const uint16_t* values, const Kept& kept, int part) { return Lanes16::spread_halves(values, kept, 2 * part); }
};

struct NumbersBf16 {
  using Element = uint16_t;
  using Vector = uint16_t;
  using Sum = Lanes16::Floats;
  static constexpr int kParts = 2;
  static const uint16_t* vectors(const ops::Rounded& x) { return x.bfloats; }
  static Sum zero() { return Lanes16::zero(); }
  static auto whole(const uint16_t* values, int part) { return Lanes16::words(values + 32 * part); }
  static auto spread(const uint16_t* values, const Kept& kept, int part) { return Lanes16::spread_pairs(values, kept, 4 * part); }
  static Sum add(Lanes16::Words w, const uint16_t* x, int part, Sum sum) { return Lanes16::add_pairs(w, x + 2 * part, sum); }
  static Lanes16::Floats total(const ops::Packed&, const ops::Rounded&, int64_t, int64_t, Sum sum) { return sum; }
};

// Weights and activations signed, so that what was pruned is 0.
struct NumbersInt8 {
  using Element = uint8_t;
  using Vector = int8_t;
  using Sum = Lanes16::Words;
  static constexpr int kParts = 1;
  static const int8_t* vectors(const ops::Rounded& x) { return x.integers; }
  static Sum zero() { return Lanes16::none(); }
  static auto whole(const uint8_t* values, int) { return Lanes16::words(values); }
  // Kept weights have an offset of 128.
  static auto spread(const uint8_t* values, const Kept& kept, int) {
    return Lanes16::spread_bytes(kept, [&](int64_t first, int64_t second) {
      return Lanes16::turned(Lanes16::eight_and_eight(values + first, values + second), 128);
    });
  }
  static Sum add(Lanes16::Words w, const int8_t* x, int, Sum sum) { return Lanes16::add_bytes(w, x, sum); }
  // Scales of rows behind the last are read and not used: an arena has room behind its pieces.
  static Lanes16::Floats total(const ops::Packed& w, const ops::Rounded& x, int64_t row, int64_t b, Sum sum) {
    return Lanes16::multiply(Lanes16::floats(sum), Lanes16::multiply(Lanes16::floats(w.row_scales + row), x.scales[b]));
  }
};

// The tiles of 16 rows, one after the other, without their zeros.
template <typename Numbers>
struct MaskedTiles {
  struct Tile {
    Kept kept;
    const typename Numbers::Element* values;
    int64_t column;
    auto part(int p) const { return Numbers::spread(values, kept, p); }
  };
  const uint64_t* mask;
  const typename Numbers::Element* values;
  int64_t column = 0;
  MaskedTiles(const ops::Packed& w, int64_t panel)
      : mask(w.mask + panel * (w.stride / 4)),
        values(static_cast<const typename Numbers::Element*>(w.values) + w.starts[panel]) {}
  static int64_t count(const ops::Packed& w, int64_t) { return w.stride / 4; }
  Tile next() {
    const Tile tile{Kept(*mask++), values, column};
    __builtin_prefetch(reinterpret_cast<const char*>(values) + ops::kAhead);
    if (sizeof *values == 4) __builtin_prefetch(reinterpret_cast<const char*>(values) + ops::kAhead + 64);
    values += tile.kept.count();
    column += 4;
    return tile;
  }
};

// The tiles of the blocks that are left, whole.
template <typename Numbers>
struct BlockTiles {
  struct Tile {
    const typename Numbers::Element* values;
    int64_t column;
    auto part(int p) const { return Numbers::whole(values, p); }
  };
  const uint16_t* place;
  const typename Numbers::Element* values;
  int64_t within = 0;
  BlockTiles(const ops::Packed& w, int64_t panel)
      : place(w.places + w.starts[panel]),
        values(static_cast<const typename Numbers::Element*>(w.values) + w.starts[panel] * 256) {}
  static int64_t count(const ops::Packed& w, int64_t panel) { return static_cast<int64_t>(w.starts[panel + 1] - w.starts[panel]) * 4; }
  Tile next() {
    const Tile tile{values, *place * 16 + within};
    values += 64;
    within = (within + 4) & 15;
    place += within == 0;
    return tile;
  }
};

// 16 rows times B vectors. A few sums for each vector, so that no product waits for the one before; both sources have a multiple
// of four tiles.
template <typename Numbers, template <typename> class Source, int B>
inline void tile_rows(const ops::Packed& w, const ops::Rounded& x, int64_t panel, int64_t first, float* y) {
  constexpr int kSums = 4 / B;
  constexpr int kUnroll = Numbers::kParts < kSums ? kSums / Numbers::kParts : 1;
  const typename Numbers::Vector* vectors = Numbers::vectors(x) + first * x.stride;
  typename Numbers::Sum sums[B][kSums];
  for (auto& vector : sums) {
    for (auto& sum : vector) sum = Numbers::zero();
  }
  Source<Numbers> source(w, panel);
  const int64_t count = Source<Numbers>::count(w, panel);
  for (int64_t tile = 0; tile < count; tile += kUnroll) {
#pragma GCC unroll 4
    for (int u = 0; u < kUnroll; u++) {
      const auto next = source.next();
      const typename Numbers::Vector* at = vectors + next.column;
#pragma GCC unroll 4
      for (int p = 0; p < Numbers::kParts; p++) {
        const auto part = next.part(p);
#pragma GCC unroll 4
        for (int b = 0; b < B; b++) {
          auto& sum = sums[b][(u * Numbers::kParts + p) % kSums];
          sum = Numbers::add(part, at + b * x.stride, p, sum);
        }
      }
    }
  }
  const int64_t row = panel * 16;
  for (int b = 0; b < B; b++) {
    for (int s = 1; s < kSums; s++) sums[b][0] = Lanes16::add(sums[b][0], sums[b][s]);
    Lanes16::store(y + (first + b) * w.rows + row, Numbers::total(w, x, row, first + b, sums[b][0]), w.rows - row);
  }
}

// Rows [begin, end), begin a multiple of 16, times all vectors, up to four of them at a time.
template <typename Numbers, template <typename> class Source>
inline void all_tiles(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {
  for (int64_t panel = begin / 16; panel * 16 < end; panel++) {
    int64_t first = 0;
    for (; first + 4 <= x.batch; first += 4) tile_rows<Numbers, Source, 4>(w, x, panel, first, y);
    for (; first + 2 <= x.batch; first += 2) tile_rows<Numbers, Source, 2>(w, x, panel, first, y);
    for (; first < x.batch; first++) tile_rows<Numbers, Source, 1>(w, x, panel, first, y);
  }
}

}  // namespace
}  // namespace ridgepoint::RIDGE_LEVEL
