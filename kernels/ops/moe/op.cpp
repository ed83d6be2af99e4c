#include <cmath>
#include <numeric>

#include "cuda/ops/bind.h"
#include "ops/moe/moe.h"
#include "ops/products/problems.h"

namespace ridgepoint::ops {
namespace {

enum { kTokens, kInputs, kOutputs, kExperts, kUsed };

struct Experts final : Problem {
  Moe m{};

  Experts(const Shape& shape, Type type, uint64_t seed, Arena& arena) {
    Random source(seed);
    m.tokens = shape[kTokens], m.inputs = shape[kInputs], m.outputCount = shape[kOutputs];
    m.experts = shape[kExperts], m.used = shape[kUsed], m.type = type;
    m.w = random(arena, "W", type, m.experts * m.outputCount * m.inputs, 1 / std::sqrt(static_cast<float>(m.inputs)), source);
    auto* expertOf = arena.take<int32_t>("experts of each token", m.tokens * m.used, Use::input);
    // Uniform routing: the first `used` of a shuffle that starts anew for every token.
    std::vector<int32_t> all(static_cast<size_t>(m.experts));
    std::iota(all.begin(), all.end(), 0);
    for (int64_t token = 0; token < m.tokens; token++)
      for (int64_t i = 0; i < m.used; i++) {
        std::swap(all[static_cast<size_t>(i)], all[static_cast<size_t>(i + source.below(m.experts - i))]);
        expertOf[token * m.used + i] = all[static_cast<size_t>(i)];
      }
    m.expertOf = expertOf;
    m.x = floats(arena, "x", m.tokens * m.inputs, 1, source);
    m.outputs = arena.take<float>("y", units(), Use::output);
  }

  int64_t units() const override { return m.tokens * m.used * m.outputCount; }

  void reference(int64_t unit, double* expected, double* magnitude) const override {
    const int64_t pair = unit / m.outputCount, output = unit % m.outputCount;
    const int64_t row = m.expertOf[pair] * m.outputCount + output;
    *expected = *magnitude = 0;
    for (int64_t i = 0; i < m.inputs; i++) {
      const double term = at(m.type, m.w, row * m.inputs + i) * m.x[pair / m.used * m.inputs + i];
      *expected += term;
      *magnitude += std::fabs(term);
    }
  }
};

double flops(const Shape& shape, Type) {
  return 2 * static_cast<double>(shape[kTokens] * shape[kUsed]) * static_cast<double>(shape[kInputs] * shape[kOutputs]);
}

// Experts that some token goes to, when every token's are any with the same chance: E (1 - (1 - k / E)^n).
double distinct(const Shape& shape) {
  const auto experts = static_cast<double>(shape[kExperts]), used = static_cast<double>(shape[kUsed]);
  return experts * (1 - std::pow(1 - used / experts, static_cast<double>(shape[kTokens])));
}

double bytes(const Shape& shape, Type type) {
  const auto expert = static_cast<double>(shape[kInputs] * shape[kOutputs]) * static_cast<double>(bytes_of(type));
  const auto rows = static_cast<double>(shape[kTokens]) * static_cast<double>(shape[kInputs] + shape[kUsed] * shape[kOutputs]);
  return distinct(shape) * expert + sizeof(float) * rows;
}

Op moe() {
  const std::vector<Type> types = {Type::f32, Type::f16, Type::bf16};
  return {
      "moe",
      Family::layer,
      "each token's product with the matrices of the experts it was routed to",
      {{"tokens", "tokens of the batch", 1, 1, 65536},
       {"inputs", "columns of an expert's matrix", 2048, 1, 65536},
       {"outputs", "rows of it", 1024, 1, 65536},
       {"experts", "experts of the layer", 64, 1, 4096},
       {"used", "experts of a token", 8, 1, 4096}},
      {at_most("used", "experts", "a token goes to each expert at most once")},
      types,
      {{"single", "token after token, each reads its experts", types, kAnyProcessor, RIDGE_BIND(Experts, m, moe_single)},
       {"grouped", "expert after expert, each is read once for all of its tokens", types, kAnyProcessor,
        RIDGE_BIND(Experts, m, moe_grouped)},
       RIDGE_CUDA_THREADS("cuda-single", "token after token, on an NVIDIA GPU", types, Experts, cuda::on_gpu(made.m, false)),
       RIDGE_CUDA_THREADS("cuda-grouped", "a warp for a row of an expert, which it takes past its tokens", types, Experts,
                  cuda::on_gpu(made.m, true))},
      [](Type) { return 1e-6; },
      flops,
      bytes,
      make_problem<Experts>,
  };
}

RIDGE_OP(moe)

}  // namespace
}  // namespace ridgepoint::ops
