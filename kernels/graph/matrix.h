// A matrix in the memory of a graph.
#pragma once

#include "graph/graph.h"
#include "ops/arena.h"
#include "ops/matrices/rows_kernel.h"

namespace ridgepoint::graph {

struct Matrix {
  ridge_tensor_layout layout;
  ops::Type type;
  int64_t columns;
  ops::Packed packed;
  double bytes = 0;
  int64_t kept = 0;
  ops::RowsFunction function = nullptr;
  ops::Arena arena;
};

// @throws std::bad_alloc
void pack(const float* values, int64_t rows, bool bitmap, Matrix& into);

}  // namespace ridgepoint::graph
