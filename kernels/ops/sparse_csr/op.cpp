#include <cstring>

#include "cuda/ops/bind.h"
#include "ops/matrices/avx512_rows.h"
#include "ops/matrices/floats.h"
#include "ops/matrices/masks.h"
#include "ops/matrices/rows_kernel.h"
#include "ops/matrices/sparse.h"
#include "ops/targets.h"

namespace ridgepoint::ops {
namespace {

// A column for each kept weight.
double index_bytes(const Shape& shape) { return 2 * kept_in_rows(shape); }

struct Csr {
  Packed packed;
  double bytes;
};

Csr pack(const Weights& w, Arena& arena) {
  auto* starts = arena.take<uint64_t>("starts", w.rows + 1, Use::input);
  const int64_t words = w.stride / kGroup;
  for (int64_t row = 0; row < w.rows; row++) {
    starts[row + 1] = starts[row];
    for (int64_t i = 0; i < words; i++) starts[row + 1] += static_cast<uint64_t>(__builtin_popcountll(w.mask[row * words + i]));
  }
  const auto kept_weights = static_cast<int64_t>(starts[w.rows]);
  const int64_t size = bits_of_type(w.type) / 8;
  auto* places = arena.take<uint16_t>("columns", kept_weights, Use::input);
  auto* values = arena.take<uint8_t>("kept weights", kept_weights * size, Use::input);
  int64_t at = 0;
  for (int64_t row = 0; row < w.rows; row++) {
    for (int64_t c = 0; c < w.columns; c++) {
      if ((w.mask[row * words + (c >> 6)] >> (c & 63) & 1) == 0) continue;
      places[at] = static_cast<uint16_t>(c);
      std::memcpy(values + at * size, static_cast<const uint8_t*>(w.values) + (row * w.stride + c) * size, static_cast<size_t>(size));
      at++;
    }
  }
  Packed packed;
  packed.rows = w.rows;
  packed.stride = w.stride;
  packed.values = values;
  packed.starts = starts;
  packed.places = places;
  packed.row_scales = w.row_scales;
  return {packed, static_cast<double>(kept_weights * (size + 2) + (w.rows + 1) * 8) + scale_bytes(w.rows, w.columns, w.type)};
}

std::unique_ptr<Kernel> csr(const Problem& any, RowsFunction function, Arena& arena) {
  const auto& problem = static_cast<const LinearProblem&>(any);
  const Csr packed = pack(problem.weights, arena);
  return rows_kernel(problem, packed.packed, packed.bytes, 1, function, arena);
}

// Kept weights one by one.
template <typename Weight, typename Vector>
void plain_rows(const Packed& w, const Rounded& x, int64_t begin, int64_t end, float* y, Weight weight, Vector vector) {
  for (int64_t row = begin; row < end; row++) {
    for (int64_t b = 0; b < x.batch; b++) {
      double sum = 0;
      for (uint64_t i = w.starts[row]; i < w.starts[row + 1]; i++) sum += weight(i) * vector(b * x.stride + w.places[i]);
      y[b * w.rows + row] = static_cast<float>(w.row_scales == nullptr ? sum : sum * w.row_scales[row] * x.scales[b]);
    }
  }
}

template <Type type>
void plain(const Packed& w, const Rounded& x, int64_t begin, int64_t end, float* y) {
  const auto weight = [&](uint64_t i) -> double {
    if constexpr (type == Type::f32) return static_cast<const float*>(w.values)[i];
    if constexpr (type == Type::f16) return half_to_float(static_cast<const uint16_t*>(w.values)[i]);
    if constexpr (type == Type::bf16) return bfloat_to_float(static_cast<const uint16_t*>(w.values)[i]);
    return static_cast<const int8_t*>(w.values)[i];
  };
  const auto vector = [&](int64_t i) -> double {
    if constexpr (type == Type::bf16) return bfloat_to_float(x.bfloats[i]);
    if constexpr (type == Type::int8) return x.integers[i];
    return x.floats[i];
  };
  plain_rows(w, x, begin, end, y, weight, vector);
}

const std::vector<Type> kHalves = {Type::f16, Type::bf16};

std::vector<Variant> variants() {
  return {
      {"scalar", "plain C++, kept weights one by one", kSparseTypes, kAnyProcessor,
       [](const Problem& any, Arena& arena) {
         return csr(any, of_type({plain<Type::f32>, plain<Type::f16>, plain<Type::bf16>, plain<Type::int8>}, any), arena);
       }},
      {"avx512", "activations gathered sixteen at a time", kSparseTypes,
       RIDGE_AVX512([](const Problem& any, Arena& arena) {
         return csr(any, of_type({avx512::csr_f32, avx512::csr_f16, avx512::csr_bf16, avx512::csr_int8}, any), arena);
       })},
      RIDGE_CUDA_THREADS("cuda", "a warp for a row, a lane for a kept weight", kSparseTypes, LinearProblem,
                         cuda::on_gpu(made, cuda::Form::csr, Unit::vector, arena)),
      RIDGE_CUDA("cuda-tensor", "kept weights written out into tiles for tensor cores, x in 16 bits", kHalves, Unit::matrix,
                 cuda::tensor_tolerance, LinearProblem, cuda::on_gpu(made, cuda::Form::csr, Unit::matrix, arena)),
  };
}

Op sparse_csr() {
  return {
      "sparse-csr",
      Family::sparse,
      "a matrix as kept weights with their columns (CSR), times one or more vectors",
      sparse_parameters("percent of each row that is zero"),
      {},
      kSparseTypes,
      variants(),
      linear_tolerance,
      sparse_flops<kept_in_rows>,
      sparse_bytes<kept_in_rows, index_bytes>,
      masked_problem<mask_row>,
  };
}

RIDGE_OP(sparse_csr)

}  // namespace
}  // namespace ridgepoint::ops
