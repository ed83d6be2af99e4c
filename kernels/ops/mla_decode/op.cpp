#include <algorithm>
#include <cmath>

#include "cuda/ops/bind.h"
#include "ops/mla_decode/mla.h"
#include "ops/products/problems.h"

namespace ridgepoint::ops {
namespace {

enum { kBatch, kHeads, kRank, kRopeLength, kHeadLength, kValueLength, kContext, kSplits };

struct MlaDecode final : Problem {
  Mla m{};

  MlaDecode(const Shape& shape, Type type, uint64_t seed, Arena& arena) {
    Random source(seed);
    m.batch = shape[kBatch], m.heads = shape[kHeads], m.rank = shape[kRank], m.ropeLength = shape[kRopeLength];
    m.headLength = shape[kHeadLength], m.valueLength = shape[kValueLength], m.context = shape[kContext];
    m.splits = shape[kSplits], m.type = type;
    // Made keys and values come to about one.
    const float spread = 1.0f / std::sqrt(static_cast<float>(m.rank));
    m.cache = random(arena, "cache", type, m.batch * m.context * m.cached(), 1, source);
    m.upKey = random(arena, "matrix of keys", type, m.heads * m.headLength * m.rank, spread, source);
    m.upValue = random(arena, "matrix of values", type, m.heads * m.valueLength * m.rank, spread, source);
    m.queries = floats(arena, "queries", units() * m.queryLength(), 1, source);
    m.outputs = arena.take<float>("outputs", units() * m.valueLength, Use::output);
  }

  int64_t units() const override { return m.batch * m.heads; }
  int64_t unit_length() const override { return m.valueLength; }

  // As it is written: the head's key and value of every token, then attention. For no more work than the absorbed order has,
  // the key's matrix is applied to the query, in double precision, where the order does not show.
  void reference(int64_t unit, double* expected, double* magnitude) const override {
    const int64_t sequence = unit / m.heads, head = unit % m.heads;
    const double scale = 1 / std::sqrt(static_cast<double>(m.queryLength()));
    const float* query = m.queries + unit * m.queryLength();
    std::vector<double> absorbed(static_cast<size_t>(m.rank)), sizes(static_cast<size_t>(m.rank));
    for (int64_t n = 0; n < m.headLength; n++)
      for (int64_t r = 0; r < m.rank; r++) {
        const double term = scale * query[n] * at(m.type, m.upKey, (head * m.headLength + n) * m.rank + r);
        absorbed[static_cast<size_t>(r)] += term;
        sizes[static_cast<size_t>(r)] += std::fabs(term);
      }
    Attending attending(m.rank);
    for (int64_t token = 0; token < m.context; token++) {
      const int64_t row = (sequence * m.context + token) * m.cached();
      double score = 0, size = 0;
      for (int64_t i = 0; i < m.cached(); i++) {
        const double cached = at(m.type, m.cache, row + i);
        const double one = i < m.rank ? absorbed[static_cast<size_t>(i)] : scale * query[m.headLength + i - m.rank];
        score += one * cached;
        size += std::fabs(cached) * (i < m.rank ? sizes[static_cast<size_t>(i)] : std::fabs(one));
      }
      attending.add(score, size, [&](int64_t i) { return at(m.type, m.cache, row + i); });
    }
    std::vector<double> latent(static_cast<size_t>(m.rank)), latentSizes(static_cast<size_t>(m.rank));
    attending.put(1, latent.data(), latentSizes.data());
    for (int64_t v = 0; v < m.valueLength; v++) {
      expected[v] = magnitude[v] = 0;
      for (int64_t r = 0; r < m.rank; r++) {
        const double weight = at(m.type, m.upValue, (head * m.valueLength + v) * m.rank + r);
        expected[v] += weight * latent[static_cast<size_t>(r)];
        magnitude[v] += std::fabs(weight) * latentSizes[static_cast<size_t>(r)];
      }
    }
  }
};

// Of the absorbed order: both matrices once for each query, and rank + ropeLength + rank products for each pair.
double flops(const Shape& shape, Type) {
  const auto heads = static_cast<double>(shape[kBatch] * shape[kHeads]);
  const auto absorbed = static_cast<double>(shape[kRank] * (shape[kHeadLength] + shape[kValueLength]));
  const auto pair = static_cast<double>(2 * shape[kRank] + shape[kRopeLength]);
  return 2 * heads * (absorbed + static_cast<double>(shape[kContext]) * pair);
}

double bytes(const Shape& shape, Type type) {
  const auto element = static_cast<double>(bytes_of(type));
  const auto cache = static_cast<double>(shape[kBatch]) * static_cast<double>(shape[kContext]) * static_cast<double>(shape[kRank] + shape[kRopeLength]);
  const auto matrices = static_cast<double>(shape[kHeads] * shape[kRank]) * static_cast<double>(shape[kHeadLength] + shape[kValueLength]);
  const auto rows = static_cast<double>(shape[kBatch] * shape[kHeads]) * static_cast<double>(shape[kHeadLength] + shape[kRopeLength] + shape[kValueLength]);
  return element * (cache + matrices) + sizeof(float) * rows;
}

Op mla_decode() {
  const std::vector<Type> types = {Type::f32, Type::f16, Type::bf16};
  return {
      "mla-decode",
      Family::attention,
      "one token of each sequence looks at a cache of latents that all heads share",
      {{"batch", "sequences", 1, 1, 4096},
       {"heads", "query heads", 128, 1, 1024},
       {"latentLength", "elements of the latent of a token", 512, 1, 8192},
       {"ropeLength", "elements of the rotated key that all heads share", 64, 1, 1024},
       {"headLength", "elements of a head's key that are made of the latent", 128, 1, 1024},
       {"valueLength", "elements of a head's value", 128, 1, 1024},
       {"context", "tokens in the cache of each sequence", 4096, 1, int64_t{1} << 24},
       {"splits", "parts of the cache that are merged at the end; 0 = as caches and threads need", 0, 0, 4096}},
      {},
      types,
      {{"naive", "keys and values of every token made for every head", types, kAnyProcessor, RIDGE_BIND(MlaDecode, m, mla_naive)},
       {"absorbed", "scores and sums over latents; the matrices meet the query and the sum", types, kAnyProcessor,
        RIDGE_BIND(MlaDecode, m, mla_absorbed)},
       RIDGE_CUDA_THREADS("cuda", "absorbed, on an NVIDIA GPU", types, MlaDecode, cuda::on_gpu(made.m))},
      [](Type) { return 1e-6; },
      flops,
      bytes,
      make_problem<MlaDecode>,
  };
}

RIDGE_OP(mla_decode)

}  // namespace
}  // namespace ridgepoint::ops
