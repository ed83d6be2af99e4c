#include "ops/sparse_blocks/sparse_blocks.h"

#include "cuda/ops/bind.h"
#include "ops/matrices/masks.h"
#include "ops/matrices/avx2_neon_rows.h"
#include "ops/matrices/plain_tiles.h"
#include "ops/matrices/sparse.h"
#include "ops/matrices/tiles.h"
#include "ops/targets.h"

namespace ridgepoint::ops {
namespace {

enum { kRows, kColumns, kBatch, kSparsity };

// Weights of the blocks that are left, whole blocks each.
double kept(const Shape& shape) {
  const int64_t blocks = (shape[kColumns] + kBlockSide - 1) / kBlockSide;
  const int64_t panels = (shape[kRows] + kBlockSide - 1) / kBlockSide;
  return static_cast<double>(panels * kept_of(blocks, shape[kSparsity]) * kBlockSide * kBlockSide);
}

double flops(const Shape& shape, Type) { return 2 * kept(shape) * static_cast<double>(shape[kBatch]); }

double bytes(const Shape& shape, Type type) {
  return kept(shape) * bits_of_type(type) / 8 + kept(shape) / (kBlockSide * kBlockSide) * 2 + scale_bytes(shape[kRows], shape[kColumns], type) +
         vector_bytes(shape[kRows], shape[kColumns], shape[kBatch]);
}

std::unique_ptr<Problem> make(const Shape& shape, Type type, uint64_t seed, Arena& arena) {
  const MaskRow mask = [](int64_t row, int64_t columns, const Shape& of, uint64_t from, uint64_t* words) {
    mask_row_blocks(row, columns, of[kSparsity], from, words);
  };
  return std::make_unique<LinearProblem>(shape[kRows], shape[kColumns], shape[kBatch], type, shape, seed, mask, arena);
}

std::unique_ptr<Kernel> blocks(const Problem& any, RowsFunction function, Arena& arena) {
  const auto& problem = static_cast<const LinearProblem&>(any);
  const Tiles packed = pack_blocks(problem.weights, arena);
  return rows_kernel(problem, packed.packed, packed.bytes, kTileRows, function, arena);
}

const std::vector<Type> kAll = {Type::f32, Type::f16, Type::bf16, Type::int8};

std::vector<Variant> variants() {
  return {
      {"scalar", "plain C++, weights one by one", kAll, kAnyProcessor,
       [](const Problem& any, Arena& arena) { return blocks(any, plain_blocks(type_of(any)), arena); }},
      {"avx2", "whole blocks, eight rows to a register", kAll,
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
      {"neon", "whole blocks, four rows to a register", kAll,
       RIDGE_NEON([](const Problem& any, Arena& arena) { return blocks(any, of_type(RIDGE_BLOCKS(neon), any), arena); })},
      {"dotprod", "whole blocks, integer dot products", {Type::int8},
       RIDGE_DOTPROD([](const Problem& any, Arena& arena) { return blocks(any, dotprod::blocks_int8, arena); })},
      RIDGE_CUDA_THREADS("cuda", "a warp for a row, whole blocks", kAll, LinearProblem,
                         cuda::on_gpu(made, cuda::Form::blocks, Unit::vector, arena)),
  };
}

Op sparse_blocks() {
  return {
      "sparse-blocks",
      Family::sparse,
      "a matrix that keeps blocks of 16 rows and 16 columns, times one or more vectors",
      {{"rows", "rows of the matrix: outputs", 4096, 1, 1 << 20},
       {"columns", "columns of the matrix: inputs", 4096, 1, 1 << 16},
       {"batch", "vectors", 1, 1, 64},
       {"sparsity", "percent of the blocks of each 16 rows that are zero", 50, 0, 100}},
      {},
      kAll,
      variants(),
      linear_tolerance,
      flops,
      bytes,
      make,
  };
}

RIDGE_OP(sparse_blocks)

}  // namespace
}  // namespace ridgepoint::ops
