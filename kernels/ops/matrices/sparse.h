// What the sparse products share.
#pragma once

#include <cstddef>

#include "ops/matrices/problem.h"
#include "ops/matrices/rows_kernel.h"

namespace ridgepoint::ops {

inline Type type_of(const Problem& problem) { return static_cast<const LinearProblem&>(problem).weights.type; }

// Of functions in the order of the types.
template <size_t count>
RowsFunction of_type(const RowsFunction (&functions)[count], const Problem& problem) {
  return functions[static_cast<int>(type_of(problem))];
}

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
