// Adapters, experts and what goes through rows of numbers, on the GPU.
#pragma once

#include "ops/op.h"

namespace ridgepoint {

struct Lora;
struct Moe;
struct Rowwise;

namespace cuda {

// As the variants of the op lora: its words say what each does.
enum class Adapters { separate, fused, grouped };
std::unique_ptr<ops::Kernel> on_gpu(const Lora& lora, Adapters way);

// together: an expert's tokens one after the other, or each token by itself.
std::unique_ptr<ops::Kernel> on_gpu(const Moe& moe, bool together);

// op: rms_norm, layer_norm, softmax, rope, silu_mul or gelu.
std::unique_ptr<ops::Kernel> on_gpu(const Rowwise& rows, const char* op);

}  // namespace cuda
}  // namespace ridgepoint
