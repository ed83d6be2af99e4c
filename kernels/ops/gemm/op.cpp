#include "cuda/ops/bind.h"
#include "ops/matrices/dense.h"
#include "ops/matrices/avx2_neon_rows.h"
#include "ops/matrices/avx512_rows.h"
#include "ops/targets.h"

namespace ridgepoint::ops {
namespace {

// Rows that a thread takes, so that activations come from the second-level cache and not from further away for each few.
constexpr int64_t kRowsAtATime = 64;

double flops(const Shape& shape, Type) {
  return 2.0 * static_cast<double>(shape[kRows]) * static_cast<double>(shape[kColumns]) * static_cast<double>(shape[kBatch]);
}

double bytes(const Shape& shape, Type type) {
  return weight_bytes(shape[kRows], shape[kColumns], type) + vector_bytes(shape[kRows], shape[kColumns], shape[kBatch]);
}

[[maybe_unused]] std::unique_ptr<Kernel> dense(const Problem& problem, RowsFunction function, Arena& arena) {
  return dense_kernel(problem, kRowsAtATime, function, arena);
}

[[maybe_unused]] std::unique_ptr<Kernel> int4(const Problem& problem, RowsFunction function, Arena& arena) {
  return int4_kernel(problem, kRowsAtATime, function, arena);
}

[[maybe_unused]] std::unique_ptr<Kernel> by_type(const Problem& any, const RowsFunction (&functions)[5], Arena& arena) {
  return dense_or_int4_kernel(any, kRowsAtATime, kRowsAtATime, functions, arena);
}

const std::vector<Type> kFloats = {Type::f32, Type::f16, Type::bf16};
const std::vector<Type> kTensorTypes = {Type::f16, Type::bf16, Type::int8, Type::int4};

std::vector<Variant> variants() {
  return {
      {"scalar", "plain C++ for any processor", kDenseTypes, kAnyProcessor,
       [](const Problem& any, Arena& arena) { return plain_kernel(any, kRowsAtATime, arena); }},
      {"avx2", "2 rows and 4 vectors at a time, int4 sixteen rows", kDenseTypes,
       RIDGE_AVX2([](const Problem& any, Arena& arena) { return by_type(any, RIDGE_DENSE(avx2), arena); })},
      {"avxvnni", "the same with integer products of AVX-VNNI", {Type::int8, Type::int4},
       RIDGE_AVXVNNI([](const Problem& any, Arena& arena) {
         return type_of(any) == Type::int8 ? dense(any, avxvnni::dense_int8, arena) : int4(any, avxvnni::dense_int4, arena);
       })},
      {"avx512", "4 rows and 6 vectors at a time, products in f32", {Type::f32, Type::f16},
       RIDGE_AVX512([](const Problem& any, Arena& arena) {
         return dense(any, type_of(any) == Type::f32 ? avx512::gemm_f32 : avx512::gemm_f16, arena);
       })},
      {"avx512vnni", "integer products: int8 4 rows and 6 vectors, int4 16 rows and 8", {Type::int8, Type::int4},
       RIDGE_AVX512VNNI([](const Problem& any, Arena& arena) {
         return type_of(any) == Type::int8 ? dense(any, avx512vnni::gemm_int8, arena) : int4(any, avx512vnni::gemm_int4, arena);
       })},
      {"avx512bf16", "4 rows and 6 vectors, products of bfloat16 pairs", {Type::bf16},
       RIDGE_AVX512BF16([](const Problem& problem, Arena& arena) { return dense(problem, avx512bf16::gemm_bf16, arena); })},
      {"neon", "2 rows and 4 vectors at a time, int4 sixteen rows", kDenseTypes,
       RIDGE_NEON([](const Problem& any, Arena& arena) { return by_type(any, RIDGE_DENSE(neon), arena); })},
      {"dotprod", "the same with integer dot products", {Type::int8, Type::int4},
       RIDGE_DOTPROD([](const Problem& any, Arena& arena) {
         return type_of(any) == Type::int8 ? dense(any, dotprod::dense_int8, arena) : int4(any, dotprod::dense_int4, arena);
       })},
      RIDGE_CUDA_THREADS("cuda", "a warp for a row, which it takes past four vectors at a time", kFloats, LinearProblem,
                         cuda::on_gpu(made, cuda::Form::dense, Unit::vector, arena)),
      RIDGE_CUDA("cuda-tensor", "tiles of 128 rows and 128 vectors on tensor cores, x in 16 bits or whole numbers", kTensorTypes, Unit::matrix,
                 cuda::tensor_tolerance, LinearProblem, cuda::on_gpu(made, cuda::Form::dense, Unit::matrix, arena)),
  };
}

Op gemm() {
  return {
      "gemm",
      Family::dense,
      "a dense matrix times many vectors",
      {{"rows", "rows of the matrix: outputs", 4096, 1, 1 << 20},
       {"columns", "columns of the matrix: inputs", 4096, 1, 1 << 16},
       {"batch", "vectors", 512, 1, 8192}},
      {},
      kDenseTypes,
      variants(),
      linear_tolerance,
      flops,
      bytes,
      masked_problem<nullptr>,
  };
}

RIDGE_OP(gemm)

}  // namespace
}  // namespace ridgepoint::ops
