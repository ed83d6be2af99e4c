// y = W x for a matrix in some type and one or more vectors: the problem of every dense and sparse product here.
#pragma once

#include <cstdint>

#include "ops/matrices/weights.h"
#include "ops/op.h"

namespace ridgepoint::ops {

// A unit is a row of W: its products with all vectors. The output has the vectors one after the other, each of `rows` numbers.
class LinearProblem : public Problem {
 public:
  LinearProblem(int64_t rows, int64_t columns, int64_t batch, Type type, const Shape& shape, uint64_t seed, MaskRow mask,
                Arena& arena);
  int64_t units() const override { return weights.rows; }
  int64_t unit_length() const override { return batch; }
  void reference(int64_t unit, double* expected, double* magnitude) const override;
  int64_t place(int64_t unit, int64_t element) const override { return element * weights.rows + unit; }

  const Shape shape;
  const Weights weights;
  const int64_t batch;
  // batch rows of weights.stride numbers, zeros behind the last column.
  const float* x;

 private:
  // x as the type's arithmetic takes it: batch rows of `columns` numbers.
  std::vector<double> rounded_;
};

// Allowed error for each unit of magnitude: sums in f32, whose order is free.
double linear_tolerance(Type type);

}  // namespace ridgepoint::ops
