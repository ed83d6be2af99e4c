// CUDA variants of ops whose problems are known in their op.cpp alone.
#pragma once

#include "cuda/ops/attention.h"
#include "cuda/ops/layers.h"
#include "ops/op.h"

namespace ridgepoint::cuda {

// Why this machine has no GPU for our kernels, or empty.
std::string absent();

// `call` makes the kernel of `made`, the op's problem.
#define RIDGE_CUDA(name, help, types, tolerance, Made, call)                        \
  {                                                                                 \
    name, help, types, cuda::absent,                                                \
        [](const Problem& problem, Arena&) -> std::unique_ptr<Kernel> {             \
          const auto& made = static_cast<const Made&>(problem);                     \
          return call;                                                              \
        },                                                                          \
        tolerance, "cuda"                                                           \
  }

}  // namespace ridgepoint::cuda
