#include <algorithm>
#include <cmath>
#include <numeric>

#include "cuda/ops/bind.h"
#include "ops/attention_decode/decode.h"
#include "ops/products/problems.h"

namespace ridgepoint::ops {
namespace {

enum { kBatch, kHeads, kKvHeads, kKeyLength, kValueLength, kContext, kWindow, kPage, kSplits };

struct AttentionDecode final : Problem {
  Decode d{};

  AttentionDecode(const Shape& shape, Type type, uint64_t seed, Arena& arena) {
    d.batch = shape[kBatch], d.heads = shape[kHeads], d.kvHeads = shape[kKvHeads], d.context = shape[kContext];
    d.keyLength = shape[kKeyLength], d.valueLength = shape[kValueLength], d.window = shape[kWindow];
    d.splits = shape[kSplits], d.page = shape[kPage], d.type = type;
    if (d.page > 0) d.table = shuffled(arena, d.batch * d.pages(), source_of(seed, Stream::table));
    d.keys = placed(arena, "keys", d.keyLength, source_of(seed, Stream::keys));
    d.values = placed(arena, "values", d.valueLength, source_of(seed, Stream::values));
    if (type == Type::int8) {
      Random scales = source_of(seed, Stream::scales);
      d.keyScales = placedFactors(arena, "scales of keys", scales);
      d.valueScales = placedFactors(arena, "scales of values", scales);
    }
    Random queries = source_of(seed, Stream::queries);
    d.queries = floats(arena, "queries", d.batch * d.heads * d.keyLength, 1, queries);
    d.outputs = arena.take<float>("outputs", d.batch * d.heads * d.valueLength, Use::output);
  }

  int64_t rows() const { return d.batch * d.kvHeads * (d.page > 0 ? d.pages() * d.page : d.context); }

  // Pages of all sequences in any order, as after a while of serving.
  static const int32_t* shuffled(Arena& arena, int64_t pages, Random source) {
    int32_t* table = arena.take<int32_t>("page table", pages, Use::input);
    std::iota(table, table + pages, 0);
    for (int64_t i = pages - 1; i > 0; i--) std::swap(table[i], table[source.below(i + 1)]);
    return table;
  }

  // The same numbers for the same tokens, wherever they lie.
  const void* placed(Arena& arena, const char* name, int64_t length, Random source) const {
    if (d.table == nullptr) return random(arena, name, d.type, rows() * length, 1, source);
    const size_t row = static_cast<size_t>(length) * bytes_of(d.type);
    auto* to = static_cast<unsigned char*>(arena.take(name, static_cast<size_t>(rows()) * row, Use::input));
    for (int64_t sequence = 0; sequence < d.batch; sequence++)
      for (int64_t head = 0; head < d.kvHeads; head++)
        for (int64_t token = 0; token < d.context; token++)
          fill(d.type, to + static_cast<size_t>(d.row(sequence, head, token)) * row, length, 1, source);
    return to;
  }

  const float* placedFactors(Arena& arena, const char* name, Random& source) const {
    float* to = arena.take<float>(name, rows(), Use::input);
    for (int64_t sequence = 0; sequence < d.batch; sequence++)
      for (int64_t head = 0; head < d.kvHeads; head++)
        for (int64_t token = 0; token < d.context; token++) to[d.row(sequence, head, token)] = factor(source);
    return to;
  }

  int64_t units() const override { return d.batch * d.heads; }
  int64_t unit_length() const override { return d.valueLength; }

  void reference(int64_t unit, double* expected, double* magnitude) const override {
    const int64_t sequence = unit / d.heads, kvHead = unit % d.heads / (d.heads / d.kvHeads);
    const double scale = 1 / std::sqrt(static_cast<double>(d.keyLength));
    std::fill_n(expected, d.valueLength, 0.0);
    std::fill_n(magnitude, d.valueLength, 0.0);
    Attending attending(d.valueLength);
    for (int64_t token = d.firstSeen(); token < d.context; token++) {
      const int64_t row = d.row(sequence, kvHead, token);
      const double keyScale = d.keyScales ? d.keyScales[row] : 1, valueScale = d.valueScales ? d.valueScales[row] : 1;
      double score = 0, size = 0;
      for (int64_t i = 0; i < d.keyLength; i++) {
        const double term = scale * keyScale * d.queries[unit * d.keyLength + i] * at(d.type, d.keys, row * d.keyLength + i);
        score += term;
        size += std::fabs(term);
      }
      attending.add(score, size, [&](int64_t i) { return valueScale * at(d.type, d.values, row * d.valueLength + i); });
    }
    attending.put(1, expected, magnitude);
  }
};

double seen(const Shape& shape) {
  return static_cast<double>(shape[kWindow] > 0 ? std::min(shape[kWindow], shape[kContext]) : shape[kContext]);
}

// Scores and weighted values, two each; the softmax counts as nothing, as in arXiv 2307.08691.
double flops(const Shape& shape, Type) {
  const auto lengths = static_cast<double>(shape[kKeyLength] + shape[kValueLength]);
  return 2 * static_cast<double>(shape[kBatch] * shape[kHeads]) * seen(shape) * lengths;
}

double bytes(const Shape& shape, Type type) {
  const auto lengths = static_cast<double>(shape[kKeyLength] + shape[kValueLength]);
  const auto batch = static_cast<double>(shape[kBatch]);
  const double scales = type == Type::int8 ? 2 * sizeof(float) : 0;
  const double cache = batch * seen(shape) * static_cast<double>(shape[kKvHeads]) * (lengths * static_cast<double>(bytes_of(type)) + scales);
  const double table = shape[kPage] > 0 ? 4 * batch * std::ceil(seen(shape) / static_cast<double>(shape[kPage])) : 0;
  return cache + table + 4 * batch * static_cast<double>(shape[kHeads]) * lengths;
}

Op attention_decode() {
  const std::vector<Type> types = {Type::f32, Type::f16, Type::bf16, Type::int8};
  return {
      "attention-decode",
      Family::attention,
      "one token of each sequence looks at its cache",
      {{"batch", "sequences", 1, 1, 4096},
       {"heads", "query heads", 32, 1, 1024},
       {"kvHeads", "heads of keys and values: heads for MHA, fewer for GQA, 1 for MQA", 8, 1, 1024},
       {"keyLength", "elements of a key", 128, 1, 1024},
       {"valueLength", "elements of a value", 128, 1, 1024},
       {"context", "tokens in the cache of each sequence", 4096, 1, int64_t{1} << 24},
       {"window", "the last so many tokens are seen; 0 sees all", 0, 0, int64_t{1} << 24},
       {"page", "tokens of a page of the cache; 0 = one piece for each head", 0, 0, 4096},
       {"splits", "parts of the cache that are merged at the end; 0 = as the threads need", 0, 0, 4096}},
      {multiple_of("heads", "kvHeads", "every K/V head serves as many query heads")},
      types,
      {{"plain", "scores of the whole cache in memory, then their softmax, then the values", types, kAnyProcessor,
        RIDGE_BIND(AttentionDecode, d, decode_plain)},
       {"unpacked", "flash-decoding: every query head reads keys and values for itself", types, kAnyProcessor,
        RIDGE_BIND(AttentionDecode, d, decode_unpacked)},
       {"packed", "flash-decoding: all heads of a group read its keys and values once", types, kAnyProcessor,
        RIDGE_BIND(AttentionDecode, d, decode_packed)},
       RIDGE_CUDA_THREADS("cuda", "flash-decoding on an NVIDIA GPU: eight lanes for a token, the heads of a group together", types, AttentionDecode, cuda::on_gpu(made.d))},
      [](Type) { return 1e-6; },
      flops,
      bytes,
      make_problem<AttentionDecode>,
  };
}

RIDGE_OP(attention_decode)

}  // namespace
}  // namespace ridgepoint::ops
