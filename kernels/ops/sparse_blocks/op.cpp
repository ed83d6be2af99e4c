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

// Weights of the blocks that are left, whole blocks each.
double kept(const Shape& shape) {
  const int64_t blocks = (shape[kColumns] + kBlockSide - 1) / kBlockSide;
  const int64_t panels = (shape[kRows] + kBlockSide - 1) / kBlockSide;
  return static_cast<double>(panels * kept_of(blocks, shape[kSparsity]) * kBlockSide * kBlockSide);
}

// The number of each block.
double index_bytes(const Shape& shape) { return kept(shape) / (kBlockSide * kBlockSide) * 2; }

std::unique_ptr<Kernel> blocks(const Problem& any, RowsFunction function, Arena& arena) {
  return tiled_kernel(any, pack_blocks(weights_of(any), arena), function, arena);
}

std::vector<Variant> variants() {
  return {
      {"scalar", "plain C++, weights one by one", kSparseTypes, kAnyProcessor,
       [](const Problem& any, Arena& arena) { return blocks(any, plain_blocks(type_of(any)), arena); }},
      {"avx2", "whole blocks, eight rows to a register", kSparseTypes,
       RIDGE_AVX2([](const Problem& any, Arena& arena) { return blocks(any, of_type(RIDGE_BLOCKS(avx2), any), arena); })},
      {"avxvnni", "whole blocks, integer products of AVX-VNNI", {Type::int8},
       RIDGE_AVXVNNI([](const Problem& any, Arena& arena) { return blocks(any, avxvnni::blocks_int8, arena); })},
      {"avx512", "whole blocks, products in f32", {Type::f32, Type::f16},
       RIDGE_AVX512([](const Problem& any, Arena& arena) { return blocks(any, type_of(any) == Type::f32 ? avx512::blocks_f32 : avx512::blocks_f16, arena); })},
      {"avx512vnni", "whole blocks", {Type::int8},
       RIDGE_AVX512VNNI([](const Problem& any, Arena& arena) {
         return blocks(any, avx512vnni::blocks_int8, arena);
       })},
      {"avx512bf16", "whole blocks, products of bfloat16 pairs", {Type::bf16},
       RIDGE_AVX512BF16([](const Problem& any, Arena& arena) { return blocks(any, avx512bf16::blocks_bf16, arena); })},
      {"neon", "whole blocks, four rows to a register", kSparseTypes,
       RIDGE_NEON([](const Problem& any, Arena& arena) { return blocks(any, of_type(RIDGE_BLOCKS(neon), any), arena); })},
      {"dotprod", "whole blocks, integer dot products", {Type::int8},
       RIDGE_DOTPROD([](const Problem& any, Arena& arena) { return blocks(any, dotprod::blocks_int8, arena); })},
      RIDGE_CUDA_THREADS("cuda", "a warp for a row, whole blocks", kSparseTypes, LinearProblem,
                         cuda::on_gpu(made, cuda::Form::blocks, Unit::vector, arena)),
  };
}

Op sparse_blocks() {
  return {
      "sparse-blocks",
      Family::sparse,
      "a matrix that keeps blocks of 16 rows and 16 columns, times one or more vectors",
      sparse_parameters("percent of the blocks of each 16 rows that are zero"),
      {},
      kSparseTypes,
      variants(),
      linear_tolerance,
      sparse_flops<kept>,
      sparse_bytes<kept, index_bytes>,
      masked_problem<mask_row_blocks>,
  };
}

RIDGE_OP(sparse_blocks)

}  // namespace
}  // namespace ridgepoint::ops
