// What the sparse products share.
#pragma once

#include "ops/matrices/problem.h"

namespace ridgepoint::ops {

inline Type type_of(const Problem& problem) { return static_cast<const LinearProblem&>(problem).weights.type; }

// int8: a float for each row. int4: a half for 64 columns.
inline double scale_bytes(int64_t rows, int64_t columns, Type type) {
  if (type == Type::int8) return 4.0 * static_cast<double>(rows);
  return type == Type::int4 ? 2.0 * static_cast<double>(rows) * static_cast<double>(columns) / kGroup : 0;
}

// Activations in f32 and outputs.
inline double vector_bytes(int64_t rows, int64_t columns, int64_t batch) {
  return 4.0 * static_cast<double>(batch) * static_cast<double>(rows + columns);
}

}  // namespace ridgepoint::ops
