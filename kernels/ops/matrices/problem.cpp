#include "ops/matrices/problem.h"

#include <cmath>

#include "ops/matrices/activations.h"
#include "ops/random.h"

namespace ridgepoint::ops {
namespace {

const float* random_vectors(int64_t batch, int64_t columns, int64_t stride, uint64_t seed, Arena& arena) {
  float* x = arena.take<float>("activations", batch * stride, Use::input);
  Random random(seed ^ 0xac71ull);
  for (int64_t b = 0; b < batch; b++) {
    for (int64_t c = 0; c < columns; c++) x[b * stride + c] = random.normal();
  }
  return x;
}

}  // namespace

LinearProblem::LinearProblem(int64_t rows, int64_t columns, int64_t vectors, Type type, const Shape& asked, uint64_t seed,
                             MaskRow mask, Arena& arena)
    : shape(asked),
      weights(random_weights(rows, columns, type, asked, seed, mask, arena)),
      batch(vectors),
      x(random_vectors(vectors, columns, weights.stride, seed, arena)),
      rounded_(static_cast<size_t>(vectors * columns)) {
  for (int64_t b = 0; b < batch; b++) {
    rounded_plainly(x + b * weights.stride, columns, type, rounded_.data() + b * columns);
  }
}

void LinearProblem::reference(int64_t unit, double* expected, double* magnitude) const {
  const auto columns = static_cast<size_t>(weights.columns);
  std::vector<double> row(columns);
  decode_row(weights, unit, row.data());
  for (int64_t b = 0; b < batch; b++) {
    const double* vector = rounded_.data() + b * weights.columns;
    double sum = 0;
    double size = 0;
    for (size_t c = 0; c < columns; c++) {
      sum += row[c] * vector[c];
      size += std::fabs(row[c] * vector[c]);
    }
    expected[b] = sum;
    magnitude[b] = size;
  }
}

double linear_tolerance(Type type) {
  // Sums of n products in f32, in at least 16 parts, are off by some sqrt(n / 16) * 2^-24 of what was added up; in int8 the sum
  // is exact, and only two scales round.
  return type == Type::int8 ? 3e-7 : 1e-6;
}

}  // namespace ridgepoint::ops
