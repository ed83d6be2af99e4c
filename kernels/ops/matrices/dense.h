// What the dense products share: weights as they are, or int4 in the tiles of all kernels but the plain ones.
#pragma once

#include <memory>
#include <vector>

#include "ops/matrices/pack_int4.h"
#include "ops/matrices/plain_rows.h"
#include "ops/matrices/sparse.h"

namespace ridgepoint::ops {

inline const std::vector<Type> kDenseTypes = {Type::f32, Type::f16, Type::bf16, Type::int8, Type::int4};

// @param rows_at_a_time rows that a thread takes.
inline std::unique_ptr<Kernel> dense_kernel(const Problem& any, int64_t rows_at_a_time, RowsFunction function, Arena& arena) {
  const auto& problem = static_cast<const LinearProblem&>(any);
  const Weights& w = problem.weights;
  return rows_kernel(problem, pack_dense(w, arena), weight_bytes(w.rows, w.columns, w.type), rows_at_a_time, function, arena);
}

// @param rows_at_a_time a multiple of 16.
inline std::unique_ptr<Kernel> int4_kernel(const Problem& any, int64_t rows_at_a_time, RowsFunction function, Arena& arena) {
  const auto& problem = static_cast<const LinearProblem&>(any);
  const Weights& w = problem.weights;
  return rows_kernel(problem, pack_int4(w, arena), weight_bytes(w.rows, w.columns, w.type), rows_at_a_time, function, arena);
}

// One of a level's functions, in the order of the types.
// @param int4_rows_at_a_time a multiple of 16.
inline std::unique_ptr<Kernel> dense_or_int4_kernel(const Problem& any, int64_t rows_at_a_time, int64_t int4_rows_at_a_time,
                                                    const RowsFunction (&functions)[5], Arena& arena) {
  return type_of(any) == Type::int4 ? int4_kernel(any, int4_rows_at_a_time, functions[4], arena)
                                    : dense_kernel(any, rows_at_a_time, of_type(functions, any), arena);
}

inline std::unique_ptr<Kernel> plain_kernel(const Problem& any, int64_t rows_at_a_time, Arena& arena) {
  const RowsFunction function = of_type({plain_f32, plain_f16, plain_bf16, plain_int8, plain_int4}, any);
  return dense_kernel(any, rows_at_a_time, function, arena);
}

}  // namespace ridgepoint::ops
