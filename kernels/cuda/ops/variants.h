// The CUDA variants of the ops, for their lists of variants.
#pragma once

#include "ops/op.h"

namespace ridgepoint::cuda {

ops::Variant gemv();

// Bytes of the GPU's last cache, which inputs have to be larger than to come from memory.
size_t cache_bytes();

}  // namespace ridgepoint::cuda
