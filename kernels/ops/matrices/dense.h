// What the dense products share: weights as they are, and plain C++ of each level.
#pragma once

#include <memory>
#include <vector>

#include "ops/matrices/rows_kernel.h"

namespace ridgepoint::ops {

inline const std::vector<Type> kDenseTypes = {Type::f32, Type::f16, Type::bf16, Type::int8, Type::int4};

// @param rows_at_a_time rows that a thread takes.
inline std::unique_ptr<Kernel> dense_kernel(const Problem& any, int64_t rows_at_a_time, RowsFunction function, Arena& arena) {
  const auto& problem = static_cast<const LinearProblem&>(any);
  const Weights& w = problem.weights;
  return rows_kernel(problem, pack_dense(w, arena), weight_bytes(w.rows, w.columns, w.type), rows_at_a_time, function, arena);
}

}  // namespace ridgepoint::ops

// Plain C++ of a level, as the maker of a variant.
#define RIDGE_PLAIN_DENSE(level, rows_at_a_time)                                              \
  [](const ::ridgepoint::ops::Problem& problem, ::ridgepoint::ops::Arena& arena) {            \
    const ::ridgepoint::ops::RowsFunction functions[] = {                                     \
        level::plain_f32, level::plain_f16, level::plain_bf16, level::plain_int8, level::plain_int4}; \
    const auto type = static_cast<const ::ridgepoint::ops::LinearProblem&>(problem).weights.type;     \
    return ::ridgepoint::ops::dense_kernel(problem, rows_at_a_time, functions[static_cast<int>(type)], arena); \
  }
