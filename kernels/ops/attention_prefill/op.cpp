#include <algorithm>
#include <cmath>

#include "cuda/ops/bind.h"
#include "ops/attention_prefill/prefill.h"
#include "ops/products/problems.h"

namespace ridgepoint::ops {
namespace {

enum { kBatch, kHeads, kKvHeads, kKeyLength, kValueLength, kDepth, kTokens, kWindow };

struct AttentionPrefill final : Problem {
  Prefill p{};

  AttentionPrefill(const Shape& shape, Type type, uint64_t seed, Arena& arena) {
    Random source(seed);
    p.batch = shape[kBatch], p.heads = shape[kHeads], p.kvHeads = shape[kKvHeads];
    p.keyLength = shape[kKeyLength], p.valueLength = shape[kValueLength];
    p.depth = shape[kDepth], p.tokens = shape[kTokens], p.window = shape[kWindow], p.type = type;
    const int64_t rows = p.batch * p.kvHeads * p.context();
    p.keys = random(arena, "keys", type, rows * p.keyLength, 1, source);
    p.values = random(arena, "values", type, rows * p.valueLength, 1, source);
    p.queries = floats(arena, "queries", units() * p.keyLength, 1, source);
    p.outputs = arena.take<float>("outputs", units() * p.valueLength, Use::output);
  }

  int64_t units() const override { return p.batch * p.heads * p.tokens; }
  int64_t unit_length() const override { return p.valueLength; }

  void reference(int64_t unit, double* expected, double* magnitude) const override {
    const int64_t head = unit / p.tokens, token = unit % p.tokens;
    const int64_t sequence = head / p.heads, kvHead = head % p.heads / (p.heads / p.kvHeads);
    const double scale = 1 / std::sqrt(static_cast<double>(p.keyLength));
    std::fill_n(expected, p.valueLength, 0.0);
    std::fill_n(magnitude, p.valueLength, 0.0);
    Attending attending(p.valueLength);
    for (int64_t seen = 0; seen <= p.depth + token; seen++) {
      if (p.window > 0 && p.depth + token - seen >= p.window) continue;
      const int64_t row = (sequence * p.kvHeads + kvHead) * p.context() + seen;
      double score = 0, size = 0;
      for (int64_t i = 0; i < p.keyLength; i++) {
        const double term = scale * p.queries[unit * p.keyLength + i] * at(p.type, p.keys, row * p.keyLength + i);
        score += term;
        size += std::fabs(term);
      }
      attending.add(score, size, [&](int64_t i) { return at(p.type, p.values, row * p.valueLength + i); });
    }
    attending.put(1, expected, magnitude);
  }
};

// Pairs of a query and a key that it sees, of one head: depth + i + 1 each, at most the window.
double pairs(const Shape& shape) {
  const int64_t depth = shape[kDepth], tokens = shape[kTokens], window = shape[kWindow];
  if (window == 0) return static_cast<double>(tokens) * static_cast<double>(depth) + 0.5 * static_cast<double>(tokens) * static_cast<double>(tokens + 1);
  // Tokens whose window is not yet full.
  const int64_t growing = std::clamp<int64_t>(window - depth, 0, tokens);
  const auto grown = static_cast<double>(growing);
  return grown * static_cast<double>(depth) + 0.5 * grown * (grown + 1) + static_cast<double>(tokens - growing) * static_cast<double>(window);
}

double flops(const Shape& shape, Type) {
  const auto lengths = static_cast<double>(shape[kKeyLength] + shape[kValueLength]);
  return 2 * static_cast<double>(shape[kBatch] * shape[kHeads]) * pairs(shape) * lengths;
}

double bytes(const Shape& shape, Type type) {
  const auto lengths = static_cast<double>(shape[kKeyLength] + shape[kValueLength]);
  const int64_t depth = shape[kWindow] > 0 ? std::min(shape[kDepth], shape[kWindow] - 1) : shape[kDepth];
  const auto cached = static_cast<double>(shape[kKvHeads] * (depth + shape[kTokens])) * static_cast<double>(bytes_of(type));
  const auto rows = static_cast<double>(shape[kHeads] * shape[kTokens]) * sizeof(float);
  return static_cast<double>(shape[kBatch]) * lengths * (cached + rows);
}

Op attention_prefill() {
  const std::vector<Type> types = {Type::f32, Type::f16, Type::bf16};
  return {
      "attention-prefill",
      Family::attention,
      "the tokens of a prompt, or of a chunk of it, look at themselves and at what is before them",
      {{"batch", "sequences", 1, 1, 4096},
       {"heads", "query heads", 32, 1, 1024},
       {"kvHeads", "heads of keys and values: heads for MHA, fewer for GQA, 1 for MQA", 8, 1, 1024},
       {"keyLength", "elements of a key", 128, 1, 1024},
       {"valueLength", "elements of a value", 128, 1, 1024},
       {"depth", "tokens in the cache before the chunk", 0, 0, int64_t{1} << 24},
       {"tokens", "tokens of the chunk", 512, 1, int64_t{1} << 20},
       {"window", "a token sees the last so many, itself included; 0 sees all", 0, 0, int64_t{1} << 24}},
      {multiple_of("heads", "kvHeads", "every K/V head serves as many query heads")},
      types,
      {{"plain", "all scores in memory, masked, then their softmax, then the values", types, kAnyProcessor,
        RIDGE_BIND(AttentionPrefill, p, prefill_plain)},
       {"flash", "blocks of queries past tiles of keys with a running softmax", types, kAnyProcessor,
        RIDGE_BIND(AttentionPrefill, p, prefill_flash)},
       RIDGE_CUDA("cuda", "flash attention on the tensor cores of an NVIDIA GPU, queries in the type of the cache", (std::vector<Type>{Type::f16, Type::bf16}), Unit::matrix,
                  cuda::prefill_tolerance, AttentionPrefill, cuda::on_gpu(made.p))},
      [](Type) { return 1e-6; },
      flops,
      bytes,
      make_problem<AttentionPrefill>,
  };
}

RIDGE_OP(attention_prefill)

}  // namespace
}  // namespace ridgepoint::ops
