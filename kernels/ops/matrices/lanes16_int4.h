// int4, dense (pack_int4.h) and without zeros (tiles.h), sixteen rows at a time. Weights stay unsigned: their offset of 8 is put
// right with sums of activations, and what was pruned is 8. Include it inside a file of a level that lanes16.h knows.
#pragma once

#include "ops/matrices/rows_kernel.h"
#include "ops/matrices/lanes16.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

// Eight times four columns of 16 rows, times B vectors, with the rows' scales. block: which 32 columns these are.
template <int B>
inline void add_block(const Lanes16::Words* parts, const ops::Rounded& x, int64_t block, int64_t first, Lanes16::Floats scale,
                      Lanes16::Floats* sums) {
  for (int b = 0; b < B; b++) {
    const int64_t at = (first + b) * (x.stride / 32) + block;
    Lanes16::Words sum = Lanes16::none();
#pragma GCC unroll 8
    for (int p = 0; p < 8; p++) sum = Lanes16::add_nibbles(parts[p], x.integers + at * 32 + 4 * p, sum);
    sum = Lanes16::add(Lanes16::nibble_sums(sum), Lanes16::all(x.offsets[at]));
    sums[b] = Lanes16::add_products(Lanes16::floats(sum), Lanes16::multiply(scale, x.scales[at]), sums[b]);
  }
}

// One of the two streams of a panel's kept weights: the low halves of its bytes, or the high ones.
template <bool high>
struct NibbleStream {
  const uint8_t* values;

  Lanes16::Words next(uint64_t mask) {
    const Kept kept(mask);
    const Lanes16::Words spread = Lanes16::spread_bytes(kept, [&](int64_t first, int64_t second) {
      const Lanes16::Bytes bytes = Lanes16::eight_and_eight(values + first, values + second);
      return Lanes16::turned(high ? Lanes16::high_halves(bytes) : Lanes16::low_halves(bytes), 8);
    });
    values += kept.count();
    return Lanes16::turned(spread, 8);
  }
};

struct DenseInt4 {
  template <int B>
  static void panel(const ops::Packed& w, const ops::Rounded& x, int64_t panel, int64_t first, Lanes16::Floats* sums) {
    const int64_t blocks = w.stride / 32;
    const auto* values = static_cast<const uint8_t*>(w.values) + panel * blocks * 256;
    const uint16_t* scales = w.block_scales + panel * blocks * 16;
    for (int64_t block = 0; block < blocks; block++, values += 256, scales += 16) {
      Lanes16::Words parts[8];
#pragma GCC unroll 4
      for (int p = 0; p < 4; p++) {
        __builtin_prefetch(values + ops::kAhead + 64 * p);
        const Lanes16::Words both = Lanes16::words(values + 64 * p);
        parts[p] = Lanes16::low_halves(both);
        parts[p + 4] = Lanes16::high_halves(both);
      }
      add_block<B>(parts, x, block, first, Lanes16::halves(scales), sums);
    }
  }
};

struct SparseInt4 {
  template <int B>
  static void panel(const ops::Packed& w, const ops::Rounded& x, int64_t panel, int64_t first, Lanes16::Floats* sums) {
    const int64_t groups = w.stride / 64;
    const uint64_t* mask = w.mask + panel * (w.stride / 4);
    const auto* values = static_cast<const uint8_t*>(w.values) + w.starts[panel];
    const uint16_t* scales = w.block_scales + panel * 16 * groups;
    NibbleStream<false> low{values};
    NibbleStream<true> high{values};
    const auto add = [&](auto& stream, int64_t block, Lanes16::Floats scale) {
      Lanes16::Words parts[8];
      for (auto& part : parts) part = stream.next(*mask++);
      add_block<B>(parts, x, block, first, scale, sums);
    };
    for (int64_t group = 0; group < groups; group++) {
      for (int line = 0; line < 4; line++) __builtin_prefetch(low.values + ops::kAhead + 64 * line);
      const Lanes16::Floats scale = Lanes16::halves(scales + group * 16);
      add(low, 2 * group, scale);
      add(high, 2 * group + 1, scale);
    }
  }
};

template <typename Source, int B>
inline void int4_rows(const ops::Packed& w, const ops::Rounded& x, int64_t panel, int64_t first, float* y) {
  Lanes16::Floats sums[B];
  for (auto& sum : sums) sum = Lanes16::zero();
  Source::template panel<B>(w, x, panel, first, sums);
  const int64_t row = panel * 16;
  for (int b = 0; b < B; b++) Lanes16::store(y + (first + b) * w.rows + row, sums[b], w.rows - row);
}

// Rows [begin, end), begin a multiple of 16, times all vectors, up to four of them at a time.
template <typename Source>
inline void all_int4(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {
  for (int64_t panel = begin / 16; panel * 16 < end; panel++) {
    int64_t first = 0;
    for (; first + 4 <= x.batch; first += 4) int4_rows<Source, 4>(w, x, panel, first, y);
    for (; first < x.batch; first++) int4_rows<Source, 1>(w, x, panel, first, y);
  }
}

}  // namespace
}  // namespace ridgepoint::RIDGE_LEVEL
