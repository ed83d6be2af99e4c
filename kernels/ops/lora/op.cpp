#include <algorithm>
#include <cmath>

#include "cuda/ops/bind.h"
#include "ops/lora/lora.h"
#include "ops/products/problems.h"

namespace ridgepoint::ops {
namespace {

enum { kTokens, kInputs, kOutputs, kRank, kAdapters, kDora };

struct Adapted final : Problem {
  Lora l{};

  Adapted(const Shape& shape, Type type, uint64_t seed, Arena& arena) {
    Random source(seed);
    l.tokens = shape[kTokens], l.inputs = shape[kInputs], l.outputCount = shape[kOutputs], l.rank = shape[kRank];
    l.adapters = shape[kAdapters], l.type = type;
    // alpha = 2 r, as many train it.
    l.scale = 2;
    const float spread = 1 / std::sqrt(static_cast<float>(l.inputs));
    l.w = random(arena, "W", type, l.outputCount * l.inputs, spread, source);
    l.a = random(arena, "A", type, l.adapters * l.rank * l.inputs, spread, source);
    l.b = random(arena, "B", type, l.adapters * l.outputCount * l.rank, 1 / std::sqrt(static_cast<float>(l.rank)), source);
    if (shape[kDora] != 0) l.gain = factors(arena, "gain", l.adapters * l.outputCount, source);
    auto* adapterOf = arena.take<int32_t>("adapter of each token", l.tokens, Use::input);
    for (int64_t i = 0; i < l.tokens; i++) adapterOf[i] = static_cast<int32_t>(source.below(l.adapters));
    l.adapterOf = adapterOf;
    l.x = floats(arena, "x", l.tokens * l.inputs, 1, source);
    l.outputs = arena.take<float>("y", units(), Use::output);
  }

  int64_t units() const override { return l.tokens * l.outputCount; }

  void reference(int64_t unit, double* expected, double* magnitude) const override {
    const int64_t token = unit / l.outputCount, output = unit % l.outputCount, adapter = l.adapterOf[token];
    const float* x = l.x + token * l.inputs;
    double sum = 0, size = 0;
    for (int64_t i = 0; i < l.inputs; i++) {
      const double term = at(l.type, l.w, output * l.inputs + i) * x[i];
      sum += term;
      size += std::fabs(term);
    }
    for (int64_t r = 0; r < l.rank; r++) {
      const double factor = l.scale * at(l.type, l.b, (adapter * l.outputCount + output) * l.rank + r);
      for (int64_t i = 0; i < l.inputs; i++) {
        const double term = factor * at(l.type, l.a, (adapter * l.rank + r) * l.inputs + i) * x[i];
        sum += term;
        size += std::fabs(term);
      }
    }
    const double gain = l.gain == nullptr ? 1 : l.gain[adapter * l.outputCount + output];
    *expected = gain * sum;
    *magnitude = std::fabs(gain) * size;
  }
};

double flops(const Shape& shape, Type) {
  const auto weights = static_cast<double>(shape[kInputs] * shape[kOutputs] + shape[kRank] * (shape[kInputs] + shape[kOutputs]));
  const double gain = shape[kDora] != 0 ? static_cast<double>(shape[kOutputs]) : 0;
  return static_cast<double>(shape[kTokens]) * (2 * weights + gain);
}

// Adapters that some token of the batch has, when every token has any with the same chance.
double distinct(const Shape& shape) {
  const auto adapters = static_cast<double>(shape[kAdapters]);
  return adapters * (1 - std::pow(1 - 1 / adapters, static_cast<double>(shape[kTokens])));
}

double bytes(const Shape& shape, Type type) {
  const auto element = static_cast<double>(bytes_of(type));
  const auto adapter = element * static_cast<double>(shape[kRank] * (shape[kInputs] + shape[kOutputs])) +
                       (shape[kDora] != 0 ? sizeof(float) * static_cast<double>(shape[kOutputs]) : 0);
  const auto base = element * static_cast<double>(shape[kInputs] * shape[kOutputs]);
  const auto rows = sizeof(float) * static_cast<double>(shape[kTokens]) * static_cast<double>(shape[kInputs] + shape[kOutputs]);
  return base + distinct(shape) * adapter + rows;
}

Op lora() {
  const std::vector<Type> types = {Type::f32, Type::f16, Type::bf16};
  return {
      "lora",
      Family::layer,
      "a linear layer whose tokens each have an adapter of low rank",
      {{"tokens", "tokens of the batch", 1, 1, 65536},
       {"inputs", "columns of the layer's matrix", 4096, 1, 65536},
       {"outputs", "rows of it", 4096, 1, 262144},
       {"adapterRank", "rows of A and columns of B", 16, 1, 4096},
       {"adapters", "adapters that tokens choose from", 1, 1, 4096},
       {"dora", "1 = the result has the cached gain of DoRA; 0 = it has none", 0, 0, 1}},
      {},
      types,
      {{"separate", "W x, then A x, then B of it added to what was written, then the gain", types, kAnyProcessor,
        RIDGE_BIND(Adapted, l, lora_separate)},
       {"fused", "A x first, then W and B in one pass over the outputs", types, kAnyProcessor, RIDGE_BIND(Adapted, l, lora_fused)},
       {"grouped", "as fused, with every adapter read once for all of its tokens", types, kAnyProcessor,
        RIDGE_BIND(Adapted, l, lora_grouped)},
       RIDGE_CUDA_THREADS("cuda-separate", "three kernels on an NVIDIA GPU, the last adds to what was written", types, Adapted,
                  cuda::on_gpu(made.l, cuda::Adapters::separate)),
       RIDGE_CUDA_THREADS("cuda-fused", "two kernels: A x, then W and B together", types, Adapted,
                  cuda::on_gpu(made.l, cuda::Adapters::fused)),
       RIDGE_CUDA_THREADS("cuda-grouped", "as fused, with every A read once for all of its tokens", types, Adapted,
                  cuda::on_gpu(made.l, cuda::Adapters::grouped))},
      [](Type) { return 1e-6; },
      flops,
      bytes,
      make_problem<Adapted>,
  };
}

RIDGE_OP(lora)

}  // namespace
}  // namespace ridgepoint::ops
