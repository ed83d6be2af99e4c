// The CUDA variants of the ops, to be added to their lists.
#pragma once

#include <vector>

#include "ops/op.h"

namespace ridgepoint::cuda {

std::vector<ops::Variant> gemv();
std::vector<ops::Variant> gemm();
std::vector<ops::Variant> sparse_bitmap();
std::vector<ops::Variant> sparse_2of4();
std::vector<ops::Variant> sparse_csr();
std::vector<ops::Variant> sparse_blocks();

// An op's variants with those of CUDA behind them.
inline std::vector<ops::Variant> with(std::vector<ops::Variant> variants, const std::vector<ops::Variant>& more) {
  variants.insert(variants.end(), more.begin(), more.end());
  return variants;
}

// Bytes of the GPU's last cache, which inputs have to be larger than to come from memory.
size_t cache_bytes();

}  // namespace ridgepoint::cuda
