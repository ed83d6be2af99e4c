// A kernel that computes rows of W x apart from each other, and the harness around it.
#pragma once

#include <cstdint>
#include <vector>

#include "ops/matrices/activations.h"
#include "ops/matrices/problem.h"
#include "ops/op.h"

namespace ridgepoint::ops {

// Weights are asked for this many bytes before they are needed: the processor's own prefetchers do not run as far ahead. On
// Zen 5 sparse int8 is 4 to 8 % slower at half and at twice the distance, dense products by a percent or two.
constexpr int kAhead = 4096;

// Weights as a kernel reads them. What each array means is the format's own business.
struct Packed {
  int64_t rows = 0;
  // In weights, a multiple of 64.
  int64_t stride = 0;
  const void* values = nullptr;
  const uint64_t* mask = nullptr;
  // Where the values of each row begin, in values; rows + 1 of them.
  const uint64_t* starts = nullptr;
  // CSR: columns; blocks: numbers of groups of columns.
  const uint16_t* places = nullptr;
  const float* row_scales = nullptr;
  // int8: -128 * the sum of each row's integers, which the shift of the activations has to be put right with.
  const int32_t* row_offsets = nullptr;
  const uint16_t* block_scales = nullptr;
};

// Rows [begin, end) of all products. y: x.batch rows of w.rows numbers.
using RowsFunctionType = void(const Packed& w, const Rounded& x, int64_t begin, int64_t end, float* y);
using RowsFunction = RowsFunctionType*;

// @param row_unit rows that a call must not cut through.
// @param packed_bytes what the packed weights take: facts and the size of a chunk come from it.
std::unique_ptr<Kernel> rows_kernel(const LinearProblem& problem, const Packed& packed, double packed_bytes,
                                    int64_t row_unit, RowsFunction function, Arena& arena);

// Dense weights as they are; int8 gets the offsets of its rows.
Packed pack_dense(const Weights& weights, Arena& arena);

}  // namespace ridgepoint::ops
