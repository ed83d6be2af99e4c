// A matrix of weights in a type, and vectors that are multiplied with it.
#pragma once

#include <cstdint>
#include <vector>

#include "ops/arena.h"
#include "ops/op.h"

namespace ridgepoint::ops {

// Kernels take columns in groups of 64; rows are filled up with zeros.
constexpr int64_t kGroup = 64;
// Weights of one scale in int4, as in ggml's q4_0, and activations of one scale beside them.
constexpr int64_t kBlock = 32;
// Where half of them are gone, as many kept weights have a scale: sparse int4 has one for two blocks.

constexpr int64_t rounded_up(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

// Row-major. f32, f16 and bf16 are what they say. int8: weight = integer * scale of its row. int4: two to a byte, of a block
// of 32 the first 16 in the low halves; weight = (0..15 - 8) * scale of its block, a half.
struct Weights {
  Type type;
  int64_t rows;
  int64_t columns;
  // From row to row, in weights: columns, rounded up to groups. What fills up is 0.
  int64_t stride;
  const void* values;
  const float* row_scales;
  const uint16_t* block_scales;
  // 64 bits for 64 columns, set where the weight is kept; null where nothing was pruned.
  const uint64_t* mask;
};

// Which weights of a matrix are kept. Draws the words of one row at a time, stride / 64 of them, columns beyond the last 0.
using MaskRow = void (*)(int64_t row, int64_t columns, const Shape& shape, uint64_t seed, uint64_t* words);

// Random weights about 0 with variance about 1. Rows of a mask that are not kept are 0 in every type.
Weights random_weights(int64_t rows, int64_t columns, Type type, const Shape& shape, uint64_t seed, MaskRow mask,
                       Arena& arena);

// The weights of a row as their type holds them: `columns` numbers.
void decode_row(const Weights& weights, int64_t row, double* out);

// Bytes of the weights of a dense matrix, scales included.
double weight_bytes(int64_t rows, int64_t columns, Type type);

// Bits of one weight without its scales.
int bits_of_type(Type type);

}  // namespace ridgepoint::ops
