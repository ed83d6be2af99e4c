#include "ops/matrices/masks.h"

#include "ops/random.h"

namespace ridgepoint::ops {
namespace {

// Calls keep(i) for so many of `count`, each subset as likely (Knuth, The Art of Computer Programming 2, 3.4.2, S).
template <typename Keep>
void choose(int64_t kept, int64_t count, Random random, Keep keep) {
  for (int64_t i = 0; i < count && kept > 0; i++) {
    if (random.below(count - i) >= kept) continue;
    keep(i);
    kept--;
  }
}

Random random_of(int64_t row, uint64_t seed) { return Random(seed * 1000003 + static_cast<uint64_t>(row)); }

void set(uint64_t* words, int64_t column) { words[column >> 6] |= uint64_t{1} << (column & 63); }

}  // namespace

void mask_row(int64_t row, int64_t columns, const Shape& shape, uint64_t seed, uint64_t* words) {
  choose(kept_of(columns, shape[kSparsity]), columns, random_of(row, seed), [&](int64_t c) { set(words, c); });
}

void mask_row_2of4(int64_t row, int64_t columns, const Shape&, uint64_t seed, uint64_t* words) {
  Random random = random_of(row, seed);
  for (int64_t c = 0; c < columns; c += 4) {
    const int64_t first = random.below(4);
    set(words, c + first);
    set(words, c + (first + 1 + random.below(3)) % 4);
  }
}

void mask_row_blocks(int64_t row, int64_t columns, const Shape& shape, uint64_t seed, uint64_t* words) {
  const int64_t blocks = (columns + kBlockSide - 1) / kBlockSide;
  choose(kept_of(blocks, shape[kSparsity]), blocks, random_of(row / kBlockSide, seed), [&](int64_t block) {
    const int64_t end = (block + 1) * kBlockSide < columns ? (block + 1) * kBlockSide : columns;
    for (int64_t c = block * kBlockSide; c < end; c++) set(words, c);
  });
}

}  // namespace ridgepoint::ops
