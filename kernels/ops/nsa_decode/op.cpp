#include <algorithm>
#include <cmath>

#include "cuda/ops/bind.h"
#include "ops/nsa_decode/nsa.h"
#include "ops/products/problems.h"

namespace ridgepoint::ops {
namespace {

enum {
  kBatch, kHeads, kKvHeads, kKeyLength, kValueLength, kContext, kCompressBlock, kCompressStride, kSelectBlock, kSelectCount,
  kWindow, kGates
};

Nsa sizes(const Shape& shape) {
  Nsa n{};
  n.batch = shape[kBatch], n.heads = shape[kHeads], n.kvHeads = shape[kKvHeads];
  n.keyLength = shape[kKeyLength], n.valueLength = shape[kValueLength], n.context = shape[kContext];
  n.compressBlock = shape[kCompressBlock], n.compressStride = shape[kCompressStride];
  n.selectBlock = shape[kSelectBlock], n.selectCount = shape[kSelectCount], n.window = shape[kWindow];
  return n;
}

struct NsaDecode final : Problem {
  Nsa n;

  NsaDecode(const Shape& shape, Type type, uint64_t seed, Arena& arena) : n(sizes(shape)) {
    n.type = type;
    Random other = source_of(seed, Stream::other), queries = source_of(seed, Stream::queries);
    // With the keys and values of attention-decode in the branch that selects: selecting all is that.
    Random keys = source_of(seed, Stream::keys), values = source_of(seed, Stream::values);
    const int64_t rows[] = {n.compressed(), n.context, n.windowed()};
    for (int branch = 0; branch < 3; branch++) {
      const int64_t count = n.batch * n.kvHeads * rows[branch];
      n.keys[branch] = random(arena, "keys", type, count * n.keyLength, 1, branch == 1 ? keys : other);
      n.values[branch] = random(arena, "values", type, count * n.valueLength, 1, branch == 1 ? values : other);
    }
    float* query = floats(arena, "queries", units() * n.keyLength, 1, queries);
    n.queries = query;
    for (int again = 0; again < 100 && undecided(); again++) fill(Type::f32, query, units() * n.keyLength, 1, queries);
    float* gates = floats(arena, "gates", units() * 3, 1, other);
    for (int64_t i = 0; i < units() * 3; i++) {
      gates[i] = 1 / (1 + std::exp(-gates[i]));
      if (shape[kGates] > 0) gates[i] = i % 3 == shape[kGates] - 1 ? 1.0f : 0.0f;
    }
    n.gates = gates;
    n.outputs = arena.take<float>("outputs", units() * n.valueLength, Use::output);
  }

  int64_t units() const override { return n.batch * n.heads; }
  int64_t unit_length() const override { return n.valueLength; }

  // Score of a query and a key of a branch, and the magnitude it was added up from.
  std::pair<double, double> score(int64_t unit, int branch, int64_t row) const {
    const double scale = 1 / std::sqrt(static_cast<double>(n.keyLength));
    double sum = 0, size = 0;
    for (int64_t i = 0; i < n.keyLength; i++) {
      const double term = scale * n.queries[unit * n.keyLength + i] * at(n.type, n.keys[branch], row * n.keyLength + i);
      sum += term;
      size += std::fabs(term);
    }
    return {sum, size};
  }

  // Whether rounding could decide between two blocks somewhere: a kernel that then chooses the other is not wrong.
  bool undecided() const {
    for (int64_t kv = 0; kv < n.batch * n.kvHeads; kv++) {
      const std::vector<double> importance = importanceOf(kv);
      std::vector<int32_t> chosen(static_cast<size_t>(n.blocks()));
      choose(n, importance.data(), chosen.data());
      double least = INFINITY, most = 0;
      for (int64_t b = 0; b < n.blocks(); b++) {
        const auto block = static_cast<size_t>(b);
        if (chosen[block] == 0) most = std::max(most, importance[block]);
        if (chosen[block] != 0 && !n.always(b)) least = std::min(least, importance[block]);
      }
      // Equal to the last bit are only blocks that the same compressed blocks lie in alike, in any precision.
      if (least != most && least - most < 1e-4 * least) return true;
    }
    return false;
  }

  std::vector<double> importanceOf(int64_t kv) const {
    const int64_t group = n.heads / n.kvHeads, count = n.compressed();
    std::vector<double> importance(static_cast<size_t>(n.blocks()));
    for (int64_t r = 0; r < group; r++) {
      std::vector<double> weights;
      double top = -INFINITY, sum = 0;
      for (int64_t c = 0; c < count; c++) {
        weights.push_back(score(kv * group + r, 0, kv * count + c).first);
        top = std::max(top, weights.back());
      }
      for (auto& weight : weights) sum += weight = std::exp(weight - top);
      for (int64_t c = 0; c < count; c++)
        for (int64_t b = 0; b < n.blocks(); b++)
          importance[static_cast<size_t>(b)] += weights[static_cast<size_t>(c)] / sum * static_cast<double>(n.overlap(c, b));
    }
    return importance;
  }

  void reference(int64_t unit, double* expected, double* magnitude) const override {
    const int64_t kv = unit / (n.heads / n.kvHeads);
    std::vector<int32_t> chosen(static_cast<size_t>(n.blocks()));
    choose(n, importanceOf(kv).data(), chosen.data());
    const int64_t rows[] = {n.compressed(), n.context, n.windowed()};
    std::fill_n(expected, n.valueLength, 0.0);
    std::fill_n(magnitude, n.valueLength, 0.0);
    for (int branch = 0; branch < 3; branch++) {
      Attending attending(n.valueLength);
      for (int64_t t = 0; t < rows[branch]; t++) {
        if (branch == 1 && chosen[static_cast<size_t>(t / n.selectBlock)] == 0) continue;
        const int64_t row = kv * rows[branch] + t;
        const auto [sum, size] = score(unit, branch, row);
        attending.add(sum, size, [&](int64_t i) { return at(n.type, n.values[branch], row * n.valueLength + i); });
      }
      attending.put(n.gates[unit * 3 + branch], expected, magnitude);
    }
  }
};

// Rows of the caches that are read: compressed blocks, selected tokens and the window.
double read(const Nsa& n) { return static_cast<double>(n.compressed() + n.selectedTokens() + n.windowed()); }

double flops(const Shape& shape, Type) {
  const Nsa n = sizes(shape);
  return 2 * static_cast<double>(n.batch * n.heads) * read(n) * static_cast<double>(n.keyLength + n.valueLength);
}

double bytes(const Shape& shape, Type type) {
  const Nsa n = sizes(shape);
  const auto lengths = static_cast<double>(n.keyLength + n.valueLength);
  const double caches = static_cast<double>(n.batch * n.kvHeads) * read(n) * lengths * static_cast<double>(bytes_of(type));
  return caches + sizeof(float) * static_cast<double>(n.batch * n.heads) * (lengths + 3);
}

// The kernel with what it reads told beside its time.
class Packed final : public Kernel {
 public:
  explicit Packed(const Nsa& nsa) : nsa_(nsa), bound_(nsa, nsa.outputs, RIDGE_BEST(nsa_packed), RIDGE_BEST(nsa_packed_floats)) {}
  void run(Pool& pool) override { bound_.run(pool); }
  const float* output() override { return nsa_.outputs; }
  Facts facts() const override { return {{"tokensRead", read(nsa_)}}; }

 private:
  Nsa nsa_;
  Bound<Nsa> bound_;
};

Op nsa_decode() {
  const std::vector<Type> types = {Type::f32, Type::f16, Type::bf16};
  return {
      "nsa-decode",
      Family::attention,
      "one token of each sequence looks at compressed blocks, at selected blocks and at a window",
      {{"batch", "sequences", 1, 1, 4096},
       {"heads", "query heads", 64, 1, 1024},
       {"kvHeads", "groups of heads that share keys, values and what is selected", 4, 1, 1024},
       {"keyLength", "elements of a key", 192, 1, 1024},
       {"valueLength", "elements of a value", 128, 1, 1024},
       {"context", "tokens in the cache of each sequence", 8192, 1, int64_t{1} << 24},
       {"compressBlock", "tokens of a compressed block", 32, 1, 4096},
       {"compressStride", "tokens from one compressed block to the next", 16, 1, 4096},
       {"selectBlock", "tokens of a block that is selected as a whole", 64, 1, 4096},
       {"selectCount", "blocks that are selected, the first and the two newest among them", 16, 1, int64_t{1} << 20},
       {"window", "tokens of the window", 512, 1, int64_t{1} << 24},
       {"gates", "0 = random; 1, 2 or 3 = the compressed, selected or window branch alone", 0, 0, 3}},
      {multiple_of("heads", "kvHeads", "every K/V head serves as many query heads"), at_most("compressStride", "compressBlock", "tokens between two blocks would be in none")},
      types,
      {{"packed", "all heads of a group go through the branches together", types, kAnyProcessor,
        [](const Problem& problem, Arena&) -> std::unique_ptr<Kernel> {
          return std::make_unique<Packed>(static_cast<const NsaDecode&>(problem).n);
        }},
       RIDGE_CUDA_THREADS("cuda", "the three branches one after the other on an NVIDIA GPU", types, NsaDecode, cuda::on_gpu(made.n))},
      [](Type) { return 1e-6; },
      flops,
      bytes,
      make_problem<NsaDecode>,
  };
}

RIDGE_OP(nsa_decode)

}  // namespace
}  // namespace ridgepoint::ops
