#include "cuda/ops/bind.h"
#include "ops/matrices/masks.h"
#include "ops/matrices/avx2_neon_rows.h"
#include "ops/matrices/avx512_rows.h"
#include "ops/matrices/plain_tiles.h"
#include "ops/matrices/sparse.h"
#include "ops/matrices/tiles.h"
#include "ops/targets.h"

namespace ridgepoint::ops {
namespace {

double kept(const Shape& shape) {
  return static_cast<double>(shape[kRows]) * static_cast<double>(shape[kColumns]) / 2;
}

std::unique_ptr<Kernel> tiles(const Problem& any, RowsFunction function, Arena& arena) {
  return tiled_kernel(any, pack_tiles(weights_of(any), true, arena), function, arena);
}

std::vector<Variant> variants() {
  return {
      {"scalar", "plain C++, kept weights one by one", kSparseTypes, kAnyProcessor,
       [](const Problem& any, Arena& arena) { return tiles(any, plain_tiles(type_of(any)), arena); }},
      {"avx2", "kept weights spread by byte shuffles", kSparseTypes,
       RIDGE_AVX2([](const Problem& any, Arena& arena) { return tiles(any, of_type(RIDGE_TILES(avx2), any), arena); })},
      {"avxvnni", "kept weights spread by byte shuffles, integer products of AVX-VNNI", {Type::int8},
       RIDGE_AVXVNNI([](const Problem& any, Arena& arena) { return tiles(any, avxvnni::tiles_int8, arena); })},
      {"avx512", "kept weights spread by vpexpandd", {Type::f32, Type::f16},
       RIDGE_AVX512([](const Problem& any, Arena& arena) { return tiles(any, type_of(any) == Type::f32 ? avx512::even_f32 : avx512::even_f16, arena); })},
      {"avx512vnni", "kept weights spread by vpexpandb", {Type::int8},
       RIDGE_AVX512VNNI([](const Problem& any, Arena& arena) {
         return tiles(any, avx512vnni::even_int8, arena);
       })},
      {"avx512bf16", "kept weights spread by vpexpandw, products of bfloat16 pairs", {Type::bf16},
       RIDGE_AVX512BF16([](const Problem& any, Arena& arena) { return tiles(any, avx512bf16::even_bf16, arena); })},
      {"neon", "kept weights spread by table look-ups", kSparseTypes,
       RIDGE_NEON([](const Problem& any, Arena& arena) { return tiles(any, of_type(RIDGE_TILES(neon), any), arena); })},
      {"dotprod", "kept weights spread by table look-ups, integer dot products", {Type::int8},
       RIDGE_DOTPROD([](const Problem& any, Arena& arena) { return tiles(any, dotprod::tiles_int8, arena); })},
      RIDGE_CUDA_THREADS("cuda", "a warp for a row, a lane for four columns", kSparseTypes, LinearProblem,
                         cuda::on_gpu(made, cuda::Form::two_of_four, Unit::vector, arena)),
      RIDGE_CUDA("cuda-tensor", "the tensor cores' own sparse products, x in f16", (std::vector<Type>{Type::f16}), Unit::matrix,
                 cuda::tensor_tolerance, LinearProblem, cuda::on_gpu(made, cuda::Form::two_of_four, Unit::matrix, arena)),
  };
}

Op sparse_2of4() {
  return {
      "sparse-2of4",
      Family::sparse,
      "a matrix that keeps two of four neighbours, times one or more vectors",
      sparse_parameters(nullptr),
      {multiple_of("columns", 4, "two of every four neighbours are kept")},
      kSparseTypes,
      variants(),
      linear_tolerance,
      sparse_flops<kept>,
      sparse_bytes<kept, bitmap_bytes>,
      masked_problem<mask_row_2of4>,
  };
}

RIDGE_OP(sparse_2of4)

}  // namespace
}  // namespace ridgepoint::ops
