// What the sparse products share.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "ops/matrices/masks.h"
#include "ops/matrices/problem.h"
#include "ops/matrices/rows_kernel.h"
#include "ops/matrices/tiles.h"

namespace ridgepoint::ops {

inline const Weights& weights_of(const Problem& problem) { return static_cast<const LinearProblem&>(problem).weights; }
inline Type type_of(const Problem& problem) { return weights_of(problem).type; }

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

// Of the product with a matrix of which `mask` leaves some weights; null leaves all.
template <MaskRow mask>
std::unique_ptr<Problem> masked_problem(const Shape& shape, Type type, uint64_t seed, Arena& arena) {
  return std::make_unique<LinearProblem>(shape[kRows], shape[kColumns], shape[kBatch], type, shape, seed, mask, arena);
}

// Weights of rows that keep as many each.
inline double kept_in_rows(const Shape& shape) {
  return static_cast<double>(shape[kRows]) * static_cast<double>(kept_of(shape[kColumns], shape[kSparsity]));
}

template <double kept(const Shape&)>
double sparse_flops(const Shape& shape, Type) {
  return 2 * kept(shape) * static_cast<double>(shape[kBatch]);
}

// index_bytes: what says where the kept weights lie.
template <double kept(const Shape&), double index_bytes(const Shape&)>
double sparse_bytes(const Shape& shape, Type type) {
  return kept(shape) * bits_of_type(type) / 8 + index_bytes(shape) + scale_bytes(shape[kRows], shape[kColumns], type) +
         vector_bytes(shape[kRows], shape[kColumns], shape[kBatch]);
}

// A bit for each weight.
inline double bitmap_bytes(const Shape& shape) { return static_cast<double>(shape[kRows]) * static_cast<double>(shape[kColumns]) / 8; }

inline std::unique_ptr<Kernel> tiled_kernel(const Problem& problem, const Tiles& tiles, RowsFunction function, Arena& arena) {
  return rows_kernel(static_cast<const LinearProblem&>(problem), tiles.packed, tiles.bytes, kTileRows, function, arena);
}

// @param sparsity what the percentage of zeros is of; null where it is fixed.
inline std::vector<Parameter> sparse_parameters(const char* sparsity) {
  std::vector<Parameter> parameters = {{"rows", "rows of the matrix: outputs", 4096, 1, 1 << 20},
                                       {"columns", "columns of the matrix: inputs", 4096, 1, 1 << 16},
                                       {"batch", "vectors", 1, 1, 64}};
  if (sparsity != nullptr) parameters.push_back({"sparsity", sparsity, 50, 0, 100});
  return parameters;
}

inline const std::vector<Type> kSparseTypes = {Type::f32, Type::f16, Type::bf16, Type::int8};

}  // namespace ridgepoint::ops
