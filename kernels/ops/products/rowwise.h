// Ops that go through rows of numbers once, in and out in the same type: what they cost is their bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "ops/products/problems.h"

namespace ridgepoint {

// x and y [rows][length] in `type`. What `a` and `b` are depends on the op; null where it needs none.
struct Rowwise {
  int64_t rows, length;
  ops::Type type;  // f32, f16 or bf16
  const void* x;
  const void* second;  // in `type`
  const float* a;
  const float* b;
  int64_t heads;     // rope: rows that share a position
  bool interleaved;  // rope: pairs of neighbours
  void* y;
};

using RowwiseKernel = void(const Rowwise& rows, Pool& pool);

namespace ops {

class RowwiseBound final : public Kernel {
 public:
  RowwiseBound(const Rowwise& what, RowwiseKernel* call) : what_(what), call_(call) {}
  void run(Pool& pool) override { call_(what_, pool); }
  const float* output() override {
    if (what_.type == Type::f32) return static_cast<const float*>(what_.y);
    outputs_.resize(static_cast<size_t>(what_.rows * what_.length));
    for (size_t i = 0; i < outputs_.size(); i++) outputs_[i] = static_cast<float>(at(what_.type, what_.y, static_cast<int64_t>(i)));
    return outputs_.data();
  }

 private:
  Rowwise what_;
  RowwiseKernel* call_;
  std::vector<float> outputs_;
};

#define RIDGE_BIND_ROWS(Made, kernel)                                                                      \
  [](const Problem& problem, Arena&) -> std::unique_ptr<Kernel> {                                           \
    return std::make_unique<RowwiseBound>(static_cast<const Made&>(problem).rows, RIDGE_BEST(kernel));      \
  }

// Inputs and outputs that all of these ops have.
struct RowsProblem : Problem {
  Rowwise rows{};

  RowsProblem(int64_t count, int64_t length, Type type, Random& source, Arena& arena) {
    rows.rows = count, rows.length = length, rows.type = type;
    rows.x = random(arena, "x", type, count * length, 1, source);
    rows.y = arena.take("y", static_cast<size_t>(count * length) * bytes_of(type), Use::output);
  }
  int64_t units() const override { return rows.rows; }
  int64_t unit_length() const override { return rows.length; }
  double x(int64_t row, int64_t i) const { return at(rows.type, rows.x, row * rows.length + i); }
};

// The result is rounded to its type at the end: half a step of its last bit, over what f32 loses on the way.
inline double rowwise_tolerance(Type type) {
  return 1e-6 + (type == Type::f16 ? 0x1p-11 : type == Type::bf16 ? 0x1p-8 : 0);
}

}  // namespace ops
}  // namespace ridgepoint
