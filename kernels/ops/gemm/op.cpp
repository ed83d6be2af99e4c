#include "cuda/ops/variants.h"
#include "ops/gemm/gemm.h"
#include "ops/levels.h"
#include "ops/matrices/dense.h"
#include "ops/matrices/pack_int4.h"
#include "ops/matrices/sparse.h"

namespace ridgepoint::ops {
namespace {

// Rows that a thread takes, so that activations come from the second-level cache and not from further away for each few.
constexpr int64_t kRowsAtATime = 64;

enum { kRows, kColumns, kBatch };

double flops(const Shape& shape, Type) {
  return 2.0 * static_cast<double>(shape[kRows]) * static_cast<double>(shape[kColumns]) * static_cast<double>(shape[kBatch]);
}

double bytes(const Shape& shape, Type type) {
  return weight_bytes(shape[kRows], shape[kColumns], type) + vector_bytes(shape[kRows], shape[kColumns], shape[kBatch]);
}

std::unique_ptr<Problem> make(const Shape& shape, Type type, uint64_t seed, Arena& arena) {
  return std::make_unique<LinearProblem>(shape[kRows], shape[kColumns], shape[kBatch], type, shape, seed, nullptr, arena);
}

std::unique_ptr<Kernel> dense(const Problem& problem, RowsFunction function, Arena& arena) {
  return dense_kernel(problem, kRowsAtATime, function, arena);
}

std::vector<Variant> variants() {
  return {
      {"scalar", "plain C++ for any processor", kDenseTypes, [] { return needs(kScalar); }, RIDGE_PLAIN_DENSE(scalar, kRowsAtATime)},
#if defined(RIDGE_HAS_AVX512BF16)
      {"avx2", "plain C++, vectorized for AVX2", kDenseTypes, [] { return needs(kAvx2); }, RIDGE_PLAIN_DENSE(avx2, kRowsAtATime)},
      {"avx512", "4 rows and 6 vectors at a time, products in f32", {Type::f32, Type::f16}, [] { return needs(kAvx512); },
       [](const Problem& problem, Arena& arena) {
         const Type type = static_cast<const LinearProblem&>(problem).weights.type;
         return dense(problem, type == Type::f32 ? avx512::gemm_f32 : avx512::gemm_f16, arena);
       }},
      {"avx512vnni", "integer products: int8 4 rows and 6 vectors, int4 16 rows and 8", {Type::int8, Type::int4},
       [] { return needs(kAvx512Vnni); },
       [](const Problem& any, Arena& arena) {
         const auto& problem = static_cast<const LinearProblem&>(any);
         const Weights& w = problem.weights;
         if (w.type == Type::int8) return dense(any, avx512vnni::gemm_int8, arena);
         return rows_kernel(problem, pack_int4(w, arena), weight_bytes(w.rows, w.columns, w.type), kRowsAtATime, avx512vnni::gemm_int4,
                            arena);
       }},
      {"avx512bf16", "4 rows and 6 vectors, products of bfloat16 pairs", {Type::bf16}, [] { return needs(kAvx512Bf16); },
       [](const Problem& problem, Arena& arena) { return dense(problem, avx512bf16::gemm_bf16, arena); }},
#endif
  };
}

}  // namespace

Op gemm() {
  return {
      "gemm",
      "a dense matrix times many vectors",
      {{"rows", "rows of the matrix: outputs", 4096, 1, 1 << 20},
       {"columns", "columns of the matrix: inputs", 4096, 1, 1 << 16},
       {"batch", "vectors", 512, 1, 8192}},
      kDenseTypes,
      cuda::with(variants(), cuda::gemm()),
      linear_tolerance,
      [](const Shape&, Type) { return std::string(); },
      flops,
      bytes,
      make,
  };
}

}  // namespace ridgepoint::ops
