// What the ops of attention, adapters and experts share around their kernels.
#pragma once

#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "ops/lanes/elements.h"
#include "ops/op.h"
#include "ops/random.h"

namespace ridgepoint::ops {

// A kernel of three words: what it computes, where the result lies, and scratch that grows with the threads.
template <class What>
class Bound final : public Kernel {
 public:
  using Call = void(const What&, Pool&, float* scratch);
  using Floats = int64_t(const What&, int threads);

  Bound(const What& what, float* outputs, Call* call, Floats* floats)
      : what_(what), outputs_(outputs), call_(call), floats_(floats) {}

  void run(Pool& pool) override {
    const auto wanted = static_cast<size_t>(floats_(what_, pool.threads()));
    if (scratch_.size() < wanted) scratch_.resize(wanted);
    call_(what_, pool, scratch_.data());
  }
  const float* output() override { return outputs_; }

 private:
  What what_;
  float* outputs_;
  Call* call_;
  Floats* floats_;
  std::vector<float> scratch_;
};

// A variant's way from problem to kernel; the level of instructions is chosen when the kernel is made ready.
#define RIDGE_BIND(Made, field, kernel)                                                            \
  [](const Problem& problem, Arena&) -> std::unique_ptr<Kernel> {                                   \
    const auto& what = static_cast<const Made&>(problem).field;                                     \
    return std::make_unique<Bound<std::decay_t<decltype(what)>>>(what, what.outputs, RIDGE_BEST(kernel), \
                                                                 RIDGE_BEST(kernel##_floats));      \
  }

// An op's way from a shape to a problem.
template <class Made>
std::unique_ptr<Problem> make_problem(const Shape& shape, Type type, uint64_t seed, Arena& arena) {
  return std::make_unique<Made>(shape, type, seed, arena);
}

inline size_t bytes_of(Type type) {
  return type == Type::f32 ? 4 : type == Type::int8 ? 1 : 2;
}

// One number of an array of any type.
inline double at(Type type, const void* from, int64_t i) {
  switch (type) {
    case Type::f32:
      return static_cast<const float*>(from)[i];
    case Type::f16:
      return toFloat(static_cast<const Half*>(from)[i]);
    case Type::bf16:
      return toFloat(static_cast<const Brain*>(from)[i]);
    default:
      return static_cast<const int8_t*>(from)[i];
  }
}

// A source of its own for each input, so that what one op calls keys another's keys equal, and an input that is not there
// shifts nothing.
enum class Stream : uint64_t { keys = 1, values, queries, scales, table, other };
inline Random source_of(uint64_t seed, Stream stream) {
  return Random(seed * 0x9e3779b97f4a7c15ull + static_cast<uint64_t>(stream));
}

// Random numbers of about `spread`, rounded to their type; whole numbers of all sizes for int8.
inline void fill(Type type, void* to, int64_t count, float spread, Random& random) {
  for (int64_t i = 0; i < count; i++) {
    if (type == Type::f32) static_cast<float*>(to)[i] = spread * random.normal();
    if (type == Type::f16) fromFloat(spread * random.normal(), static_cast<Half*>(to) + i);
    if (type == Type::bf16) fromFloat(spread * random.normal(), static_cast<Brain*>(to) + i);
    if (type == Type::int8) static_cast<int8_t*>(to)[i] = static_cast<int8_t>(random.below(255) - 127);
  }
}

inline void* random(Arena& arena, const char* name, Type type, int64_t count, float spread, Random& random) {
  void* to = arena.take(name, static_cast<size_t>(count) * bytes_of(type), Use::input);
  fill(type, to, count, spread, random);
  return to;
}

inline float* floats(Arena& arena, const char* name, int64_t count, float spread, Random& source) {
  return static_cast<float*>(random(arena, name, Type::f32, count, spread, source));
}

// The factor of a quantized row: its numbers come to about one.
inline float factor(Random& random) { return static_cast<float>(64 + random.below(128)) / (128 * 73.0f); }

inline float* factors(Arena& arena, const char* name, int64_t count, Random& random) {
  float* to = arena.take<float>(name, count, Use::input);
  for (int64_t i = 0; i < count; i++) to[i] = factor(random);
  return to;
}

// Softmax attention of one query in double precision, fed one token at a time, in any order.
class Attending {
 public:
  explicit Attending(int64_t length) : sums_(static_cast<size_t>(length)), sizes_(static_cast<size_t>(length)) {}

  // size: the sum of the magnitudes that the score was added up from, which its rounding is relative to.
  template <class Value>
  void add(double score, double size, const Value& value) {
    if (score > top_) {
      const double kept = std::exp(top_ - score);
      sum_ *= kept;
      for (auto& sum : sums_) sum *= kept;
      for (auto& s : sizes_) s *= kept;
      top_ = score;
    }
    const double weight = std::exp(score - top_);
    sum_ += weight;
    for (size_t i = 0; i < sums_.size(); i++) {
      const double v = value(static_cast<int64_t>(i));
      sums_[i] += weight * v;
      sizes_[i] += weight * std::fabs(v) * (1 + size);
    }
  }

  // expected += factor * the result; nothing was seen: nothing is added.
  void put(double factor, double* expected, double* magnitude) const {
    for (size_t i = 0; sum_ > 0 && i < sums_.size(); i++) {
      expected[i] += factor * sums_[i] / sum_;
      magnitude[i] += std::fabs(factor) * sizes_[i] / sum_;
    }
  }

 private:
  double top_ = -INFINITY, sum_ = 0;
  std::vector<double> sums_, sizes_;
};

}  // namespace ridgepoint::ops
