// Which weights of random matrices are kept, and how many.
#pragma once

#include <cstdint>

#include "ops/matrices/weights.h"

namespace ridgepoint::ops {

// Rows and columns of a block of block sparsity.
constexpr int64_t kBlockSide = 16;

// The numbers of a shape of a sparse product; kSparsity, in percent, is there where the share of zeros is free.
enum { kRows, kColumns, kBatch, kSparsity };

// How many of so many are kept at a percentage of zeros.
constexpr int64_t kept_of(int64_t count, int64_t sparsity_percent) { return (count * (100 - sparsity_percent) + 50) / 100; }

// Each row keeps as many, anywhere: what pruning by rows leaves.
void mask_row(int64_t row, int64_t columns, const Shape& shape, uint64_t seed, uint64_t* words);
// Two of four neighbours.
void mask_row_2of4(int64_t row, int64_t columns, const Shape& shape, uint64_t seed, uint64_t* words);
// Blocks of 16 rows and 16 columns; every 16 rows keep as many.
void mask_row_blocks(int64_t row, int64_t columns, const Shape& shape, uint64_t seed, uint64_t* words);

}  // namespace ridgepoint::ops
