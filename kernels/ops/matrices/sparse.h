// What the sparse products share.
#pragma once

#include "ops/matrices/problem.h"

namespace ridgepoint::ops {

inline Type type_of(const Problem& problem) { return static_cast<const LinearProblem&>(problem).weights.type; }

// Scales are kept of the dense matrix: one for each row or block, whatever is left in it.
inline double scale_bytes(int64_t rows, int64_t columns, Type type) {
  return weight_bytes(rows, columns, type) -
         static_cast<double>(rows) * static_cast<double>(columns) * bits_of_type(type) / 8;
}

// Activations in f32 and outputs.
inline double vector_bytes(int64_t rows, int64_t columns, int64_t batch) {
  return 4.0 * static_cast<double>(batch) * static_cast<double>(rows + columns);
}

}  // namespace ridgepoint::ops
