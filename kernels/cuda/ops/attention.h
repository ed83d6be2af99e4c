// The attention of one token, or of a prompt, on the GPU.
#pragma once

#include "ops/op.h"

namespace ridgepoint {

struct Decode;
struct Prefill;
struct Mla;
struct Nsa;

namespace cuda {

// @throws std::runtime_error for lengths that the kernels do not take.
std::unique_ptr<ops::Kernel> on_gpu(const Decode& decode);
std::unique_ptr<ops::Kernel> on_gpu(const Prefill& prefill);
std::unique_ptr<ops::Kernel> on_gpu(const Mla& mla);
std::unique_ptr<ops::Kernel> on_gpu(const Nsa& nsa);

// Of prefill: queries and weights are rounded to the type of the cache, and the tensor cores' sums are not to nearest.
double prefill_tolerance(ops::Type type);

}  // namespace cuda
}  // namespace ridgepoint
