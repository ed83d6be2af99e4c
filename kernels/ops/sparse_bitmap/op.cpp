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

std::unique_ptr<Kernel> tiles(const Problem& any, RowsFunction function, Arena& arena) {
  return tiled_kernel(any, pack_tiles(weights_of(any), false, arena), function, arena);
}

const std::vector<Type> kAll = {Type::f32, Type::f16, Type::bf16, Type::int8, Type::int4};
const std::vector<Type> kHalves = {Type::f16, Type::bf16};

std::vector<Variant> variants() {
  return {
      {"scalar", "plain C++, kept weights one by one", kAll, kAnyProcessor,
       [](const Problem& any, Arena& arena) { return tiles(any, plain_tiles(type_of(any)), arena); }},
      {"avx2", "kept weights spread by byte shuffles", kAll,
       RIDGE_AVX2([](const Problem& any, Arena& arena) { return tiles(any, of_type(RIDGE_TILES(avx2), any), arena); })},
      {"avxvnni", "kept weights spread by byte shuffles, integer products of AVX-VNNI", {Type::int8, Type::int4},
       RIDGE_AVXVNNI([](const Problem& any, Arena& arena) { return tiles(any, type_of(any) == Type::int8 ? avxvnni::tiles_int8 : avxvnni::tiles_int4, arena); })},
      {"avx512", "kept weights spread by vpexpandd", {Type::f32, Type::f16},
       RIDGE_AVX512([](const Problem& any, Arena& arena) { return tiles(any, type_of(any) == Type::f32 ? avx512::bitmap_f32 : avx512::bitmap_f16, arena); })},
      {"avx512vnni", "kept weights spread by vpexpandb", {Type::int8, Type::int4},
       RIDGE_AVX512VNNI([](const Problem& any, Arena& arena) {
         return tiles(any, type_of(any) == Type::int8 ? avx512vnni::bitmap_int8 : avx512vnni::bitmap_int4, arena);
       })},
      {"avx512bf16", "kept weights spread by vpexpandw, products of bfloat16 pairs", {Type::bf16},
       RIDGE_AVX512BF16([](const Problem& any, Arena& arena) { return tiles(any, avx512bf16::bitmap_bf16, arena); })},
      {"neon", "kept weights spread by table look-ups", kAll,
       RIDGE_NEON([](const Problem& any, Arena& arena) { return tiles(any, of_type(RIDGE_TILES(neon), any), arena); })},
      {"dotprod", "kept weights spread by table look-ups, integer dot products", {Type::int8, Type::int4},
       RIDGE_DOTPROD([](const Problem& any, Arena& arena) { return tiles(any, type_of(any) == Type::int8 ? dotprod::tiles_int8 : dotprod::tiles_int4, arena); })},
      RIDGE_CUDA_THREADS("cuda", "a warp for a row, a lane for eight columns", kSparseTypes, LinearProblem,
                         cuda::on_gpu(made, cuda::Form::bitmap, Unit::vector, arena)),
      RIDGE_CUDA("cuda-tensor", "kept weights written out into tiles for tensor cores, x in 16 bits", kHalves, Unit::matrix,
                 cuda::tensor_tolerance, LinearProblem, cuda::on_gpu(made, cuda::Form::bitmap, Unit::matrix, arena)),
  };
}

Op sparse_bitmap() {
  return {
      "sparse-bitmap",
      Family::sparse,
      "a matrix with a bit for each weight and the kept weights, times one or more vectors",
      sparse_parameters("percent of each row that is zero"),
      {},
      kAll,
      variants(),
      linear_tolerance,
      sparse_flops<kept_in_rows>,
      sparse_bytes<kept_in_rows, bitmap_bytes>,
      masked_problem<mask_row>,
  };
}

RIDGE_OP(sparse_bitmap)

}  // namespace
}  // namespace ridgepoint::ops
