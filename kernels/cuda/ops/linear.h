// y = W x on the GPU, with W dense or without its zeros.
#pragma once

#include "ops/matrices/problem.h"

namespace ridgepoint::cuda {

enum class Form { dense, bitmap, two_of_four, csr, blocks };

std::unique_ptr<ops::Kernel> on_gpu(const ops::LinearProblem& problem, Form form, ops::Unit unit, ops::Arena& arena);

// Tensor cores take both operands in 16 bits, each off by 2^-11 at most in f16 (x, and weights with a scale); their sums are in
// f32 but not rounded to nearest. Whole numbers add up exactly.
double tensor_tolerance(ops::Type type);

}  // namespace ridgepoint::cuda
