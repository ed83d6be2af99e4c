// CUDA variants of ops: what an op.cpp writes among its variants.
#pragma once

#include "cuda/ops/attention.h"
#include "cuda/ops/layers.h"
#include "cuda/ops/linear.h"
#include "ops/op.h"

namespace ridgepoint::cuda {

// Why this machine has no GPU for our kernels, or empty.
std::string absent();

// Bytes of the GPU's last cache, which inputs have to be larger than to come from memory.
size_t cache_bytes();

// What scripts/build-cuda.mjs compiles for at least.
inline constexpr ops::Target kGpu = {ops::Target::cuda, "sm_80"};

// `call` makes the kernel of `made`, the op's problem.
#define RIDGE_CUDA(name, help, types, unit, tolerance, Made, call)                  \
  {                                                                                 \
    name, help, types, cuda::kGpu,                                                  \
        [](const Problem& problem, [[maybe_unused]] Arena& arena) -> std::unique_ptr<Kernel> { \
          const auto& made = static_cast<const Made&>(problem);                     \
          return call;                                                              \
        },                                                                          \
        tolerance, unit                                                             \
  }

// On threads one by one, in the op's own tolerance.
#define RIDGE_CUDA_THREADS(name, help, types, Made, call) RIDGE_CUDA(name, help, types, Unit::vector, nullptr, Made, call)

}  // namespace ridgepoint::cuda
