// The matrix product of a mixture of experts: every token with the matrices of the experts it was routed to.
#pragma once

#include <cstdint>

#include "cpu/levels.h"
#include "ops/op.h"

namespace ridgepoint {

// W [experts][outputs][inputs] in `type`; x [tokens][inputs] and y [tokens][used][outputs] in f32; expertOf [tokens][used]
// names different experts for each token.
struct Moe {
  int64_t tokens, inputs, outputCount, experts, used;
  ops::Type type;  // f32, f16 or bf16
  const void* w;
  const int32_t* expertOf;
  const float* x;
  float* outputs;
};

using MoeKernel = void(const Moe& moe, Pool& pool, float* scratch);
using MoeFloats = int64_t(const Moe& moe, int threads);

// Token after token, each reads its experts.
RIDGE_DECLARE_LEVELS(moe_single, MoeKernel)
RIDGE_DECLARE_LEVELS(moe_single_floats, MoeFloats)
// Expert after expert, each is read once for all of its tokens.
RIDGE_DECLARE_LEVELS(moe_grouped, MoeKernel)
RIDGE_DECLARE_LEVELS(moe_grouped_floats, MoeFloats)

}  // namespace ridgepoint
