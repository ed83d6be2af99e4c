#include "ops/sparse_2of4/sparse_2of4.h"

#include "cuda/ops/bind.h"
#include "ops/matrices/masks.h"
#include "ops/matrices/avx2_neon_rows.h"
#include "ops/matrices/plain_tiles.h"
#include "ops/matrices/sparse.h"
#include "ops/matrices/tiles.h"
#include "ops/targets.h"

namespace ridgepoint::ops {
namespace {

enum { kRows, kColumns, kBatch };

double kept(const Shape& shape) {
  return static_cast<double>(shape[kRows]) * static_cast<double>(shape[kColumns]) / 2;
}

double flops(const Shape& shape, Type) { return 2 * kept(shape) * static_cast<double>(shape[kBatch]); }

double bytes(const Shape& shape, Type type) {
  const double all = static_cast<double>(shape[kRows]) * static_cast<double>(shape[kColumns]);
  return kept(shape) * bits_of_type(type) / 8 + all / 8 + scale_bytes(shape[kRows], shape[kColumns], type) +
         vector_bytes(shape[kRows], shape[kColumns], shape[kBatch]);
}

std::unique_ptr<Problem> make(const Shape& shape, Type type, uint64_t seed, Arena& arena) {
  const MaskRow mask = [](int64_t row, int64_t columns, const Shape&, uint64_t from, uint64_t* words) {
    mask_row_2of4(row, columns, from, words);
  };
  return std::make_unique<LinearProblem>(shape[kRows], shape[kColumns], shape[kBatch], type, shape, seed, mask, arena);
}

std::unique_ptr<Kernel> tiles(const Problem& any, RowsFunction function, Arena& arena) {
  const auto& problem = static_cast<const LinearProblem&>(any);
  const Tiles packed = pack_tiles(problem.weights, true, arena);
  return rows_kernel(problem, packed.packed, packed.bytes, kTileRows, function, arena);
}

const std::vector<Type> kAll = {Type::f32, Type::f16, Type::bf16, Type::int8};

std::vector<Variant> variants() {
  return {
      {"scalar", "plain C++, kept weights one by one", kAll, kAnyProcessor,
       [](const Problem& any, Arena& arena) { return tiles(any, plain_tiles(type_of(any)), arena); }},
      {"avx2", "kept weights spread by byte shuffles", kAll,
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
      {"neon", "kept weights spread by table look-ups", kAll,
       RIDGE_NEON([](const Problem& any, Arena& arena) { return tiles(any, of_type(RIDGE_TILES(neon), any), arena); })},
      {"dotprod", "kept weights spread by table look-ups, integer dot products", {Type::int8},
       RIDGE_DOTPROD([](const Problem& any, Arena& arena) { return tiles(any, dotprod::tiles_int8, arena); })},
      RIDGE_CUDA_THREADS("cuda", "a warp for a row, a lane for four columns", kAll, LinearProblem,
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
      {{"rows", "rows of the matrix: outputs", 4096, 1, 1 << 20},
       {"columns", "columns of the matrix: inputs", 4096, 1, 1 << 16},
       {"batch", "vectors", 1, 1, 64}},
      {multiple_of("columns", 4, "two of every four neighbours are kept")},
      kAll,
      variants(),
      linear_tolerance,
      flops,
      bytes,
      make,
  };
}

RIDGE_OP(sparse_2of4)

}  // namespace
}  // namespace ridgepoint::ops
