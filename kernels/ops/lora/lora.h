// A linear layer with an adapter for each token: y = g (W x + s B (A x)), where g is 1 but for DoRA, whose gain is cached.
#pragma once

#include <cstdint>

#include "cpu/levels.h"
#include "ops/op.h"

namespace ridgepoint {

// W [outputs][inputs], A [adapters][rank][inputs] and B [adapters][outputs][rank] in `type`; x [tokens][inputs],
// y [tokens][outputs] and the gain [adapters][outputs] in f32; adapterOf names the adapter of each token.
struct Lora {
  int64_t tokens, inputs, outputCount, rank, adapters;
  float scale;
  ops::Type type;  // f32, f16 or bf16
  const void* w;
  const void* a;
  const void* b;
  const float* gain;  // null: all ones
  const int32_t* adapterOf;
  const float* x;
  float* outputs;
};

using LoraKernel = void(const Lora& lora, Pool& pool, float* scratch);
using LoraFloats = int64_t(const Lora& lora, int threads);

// As engines do it that know nothing of it: W x, then A x, then B of that added to what was written, then the gain.
RIDGE_DECLARE_LEVELS(lora_separate, LoraKernel)
RIDGE_DECLARE_LEVELS(lora_separate_floats, LoraFloats)
// A x first, which is small; then W and B in one pass over the outputs, each written once.
RIDGE_DECLARE_LEVELS(lora_fused, LoraKernel)
RIDGE_DECLARE_LEVELS(lora_fused_floats, LoraFloats)
// As fused, with the tokens of an adapter together, so that each adapter is read once for all of them (Punica's BGMV,
// arXiv 2310.18547).
RIDGE_DECLARE_LEVELS(lora_grouped, LoraKernel)
RIDGE_DECLARE_LEVELS(lora_grouped_floats, LoraFloats)

}  // namespace ridgepoint
