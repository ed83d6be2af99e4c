// An op whose variants are wrong on purpose, each in its own way: what the check is for. Linked with the library for check.test.ts
// alone.
#include <cstring>
#include <limits>

#include "ops/op.h"
#include "ops/random.h"

namespace ridgepoint::ops {
namespace {

struct Doubling : Problem {
  Doubling(int64_t n, uint64_t seed, Arena& arena) : count(n), x(arena.take<float>("x", n, Use::input)) {
    Random random(seed);
    for (int64_t i = 0; i < n; i++) x[i] = random.normal();
  }
  int64_t units() const override { return count; }
  void reference(int64_t unit, double* expected, double* magnitude) const override {
    *expected = 2.0 * x[unit];
    *magnitude = std::abs(*expected);
  }
  int64_t count;
  float* x;
};

struct Wrong : Kernel {
  using Harm = void (*)(Wrong&);
  Wrong(const Problem& problem, Harm harm, Arena& arena)
      : doubling(static_cast<const Doubling&>(problem)), harm_(harm), y(arena.take<float>("y", doubling.count, Use::output)) {}
  void run(Pool&) override {
    for (int64_t i = 0; i < doubling.count; i++) y[i] = 2 * doubling.x[i];
    runs++;
    harm_(*this);
  }
  const float* output() override { return y; }
  const Doubling& doubling;
  Harm harm_;
  float* y;
  int runs = 0;
};

template <void (*harm)(Wrong&)>
std::unique_ptr<Kernel> wrong(const Problem& problem, Arena& arena) {
  return std::make_unique<Wrong>(problem, harm, arena);
}

void harmless(Wrong&) {}
void off_by_little(Wrong& k) { k.y[k.doubling.count - 1] *= 1.00001f; }
void leaves_one(Wrong& k) { std::memset(k.y + k.doubling.count / 2, 0xff, 4); }
void behind(Wrong& k) { k.y[k.doubling.count] = 0; }
void before(Wrong& k) { k.y[-1] = 0; }
void spoils_input(Wrong& k) { k.doubling.x[0] += 1; }
void right_once(Wrong& k) {
  if (k.runs > 1) k.y[0] += 1;
}
void infinite(Wrong& k) { k.y[0] = std::numeric_limits<float>::infinity(); }

Variant variant(const char* name, std::unique_ptr<Kernel> (*prepare)(const Problem&, Arena&)) {
  return {name, name, {Type::f32}, kAnyProcessor, prepare};
}

Op doubling() {
  return {
      "double",
      Family::rowwise,
      "twice a vector",
      {{"count", "numbers", 100, 1, 1 << 26}},
      {},
      {Type::f32},
      {variant("right", wrong<harmless>), variant("off-by-little", wrong<off_by_little>),
       variant("leaves-one", wrong<leaves_one>), variant("behind", wrong<behind>), variant("before", wrong<before>),
       variant("spoils-input", wrong<spoils_input>), variant("right-once", wrong<right_once>),
       variant("infinite", wrong<infinite>)},
      [](Type) { return 1e-6; },
      [](const Shape& shape, Type) { return static_cast<double>(shape[0]) * 4000; },
      [](const Shape& shape, Type) { return static_cast<double>(shape[0]) * 8; },
      [](const Shape& shape, Type, uint64_t seed, Arena& arena) -> std::unique_ptr<Problem> {
        return std::make_unique<Doubling>(shape[0], seed, arena);
      },
  };
}

RIDGE_OP(doubling)

}  // namespace
}  // namespace ridgepoint::ops
