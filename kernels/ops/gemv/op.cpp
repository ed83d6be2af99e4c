#include "cuda/ops/bind.h"
#include "ops/matrices/dense.h"
#include "ops/matrices/avx2_neon_rows.h"
#include "ops/matrices/avx512_rows.h"
#include "ops/targets.h"

namespace ridgepoint::ops {
namespace {

double flops(const Shape& shape, Type) {
  return 2.0 * static_cast<double>(shape[kRows]) * static_cast<double>(shape[kColumns]);
}

double bytes(const Shape& shape, Type type) {
  return weight_bytes(shape[kRows], shape[kColumns], type) + 4.0 * static_cast<double>(shape[kColumns]) +
         4.0 * static_cast<double>(shape[kRows]);
}

std::unique_ptr<Problem> make(const Shape& shape, Type type, uint64_t seed, Arena& arena) {
  return std::make_unique<LinearProblem>(shape[kRows], shape[kColumns], 1, type, shape, seed, nullptr, arena);
}

[[maybe_unused]] std::unique_ptr<Kernel> dense(const Problem& problem, RowsFunction function, Arena& arena) {
  return dense_kernel(problem, 1, function, arena);
}

[[maybe_unused]] std::unique_ptr<Kernel> int4(const Problem& problem, RowsFunction function, Arena& arena) {
  return int4_kernel(problem, 16, function, arena);
}

[[maybe_unused]] std::unique_ptr<Kernel> by_type(const Problem& any, const RowsFunction (&functions)[5], Arena& arena) {
  return dense_or_int4_kernel(any, 1, 16, functions, arena);
}

std::vector<Variant> variants() {
  return {
      {"scalar", "plain C++ for any processor", kDenseTypes, kAnyProcessor,
       [](const Problem& any, Arena& arena) { return plain_kernel(any, 1, arena); }},
      {"avx2", "2 rows at a time, int4 sixteen rows", kDenseTypes,
       RIDGE_AVX2([](const Problem& any, Arena& arena) { return by_type(any, RIDGE_DENSE(avx2), arena); })},
      {"avxvnni", "the same with integer products of AVX-VNNI", {Type::int8, Type::int4},
       RIDGE_AVXVNNI([](const Problem& any, Arena& arena) {
         return type_of(any) == Type::int8 ? dense(any, avxvnni::dense_int8, arena) : int4(any, avxvnni::dense_int4, arena);
       })},
      {"avx512", "a row at a time, products in f32", {Type::f32, Type::f16},
       RIDGE_AVX512([](const Problem& any, Arena& arena) {
         return dense(any, type_of(any) == Type::f32 ? avx512::gemv_f32 : avx512::gemv_f16, arena);
       })},
      {"avx512vnni", "integer products: int8 a row at a time, int4 sixteen", {Type::int8, Type::int4},
       RIDGE_AVX512VNNI([](const Problem& any, Arena& arena) {
         return type_of(any) == Type::int8 ? dense(any, avx512vnni::gemv_int8, arena) : int4(any, avx512vnni::gemv_int4, arena);
       })},
      {"avx512bf16", "a row at a time, products of bfloat16 pairs", {Type::bf16},
       RIDGE_AVX512BF16([](const Problem& problem, Arena& arena) { return dense(problem, avx512bf16::gemv_bf16, arena); })},
      {"neon", "2 rows at a time, int4 sixteen rows", kDenseTypes,
       RIDGE_NEON([](const Problem& any, Arena& arena) { return by_type(any, RIDGE_DENSE(neon), arena); })},
      {"dotprod", "the same with integer dot products", {Type::int8, Type::int4},
       RIDGE_DOTPROD([](const Problem& any, Arena& arena) {
         return type_of(any) == Type::int8 ? dense(any, dotprod::dense_int8, arena) : int4(any, dotprod::dense_int4, arena);
       })},
      RIDGE_CUDA_THREADS("cuda", "a warp for two rows, on an NVIDIA GPU", kDenseTypes, LinearProblem,
                         cuda::on_gpu(made, cuda::Form::dense, Unit::vector, arena)),
  };
}

Op gemv() {
  return {
      "gemv",
      Family::dense,
      "a dense matrix times a vector",
      {{"rows", "rows of the matrix: outputs", 4096, 1, 1 << 20},
       {"columns", "columns of the matrix: inputs", 4096, 1, 1 << 16}},
      {},
      kDenseTypes,
      variants(),
      linear_tolerance,
      flops,
      bytes,
      make,
  };
}

RIDGE_OP(gemv)

}  // namespace
}  // namespace ridgepoint::ops
