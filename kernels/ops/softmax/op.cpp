#include <algorithm>
#include <cmath>

#include "cuda/ops/bind.h"
#include "ops/softmax/softmax.h"

namespace ridgepoint::ops {
namespace {

enum { kRows, kLength };

struct Softmax final : RowsProblem {
  Softmax(const Shape& shape, Type type, uint64_t seed, Arena& arena) : Softmax(shape, type, Random(seed), arena) {}
  Softmax(const Shape& shape, Type type, Random source, Arena& arena)
      : RowsProblem(shape[kRows], shape[kLength], type, source, arena) {}
  void reference(int64_t row, double* expected, double* magnitude) const override {
    double top = -INFINITY, sum = 0;
    for (int64_t i = 0; i < rows.length; i++) top = std::max(top, x(row, i));
    for (int64_t i = 0; i < rows.length; i++) sum += expected[i] = std::exp(x(row, i) - top);
    for (int64_t i = 0; i < rows.length; i++) {
      expected[i] /= sum;
      // The difference is rounded before the exponential makes it a factor; below 2^-14 half precision has fewer bits.
      magnitude[i] = expected[i] * (1 + std::fabs(x(row, i)) + std::fabs(top)) + 0x1p-14;
    }
  }
};

double numbers(const Shape& shape) { return static_cast<double>(shape[kRows]) * static_cast<double>(shape[kLength]); }

Op softmax() {
  const std::vector<Type> types = {Type::f32, Type::f16, Type::bf16};
  return {"softmax",
          Family::rowwise,
          "rows of scores made weights that sum to one",
          {{"rows", "rows: query heads of all tokens", 1024, 1, int64_t{1} << 24},
           {"length", "numbers of a row: tokens that are seen", 4096, 1, int64_t{1} << 22}},
          {},
          types,
          {{"three-pass", "the maximum, then the sum, then the weights", types, kAnyProcessor, RIDGE_BIND_ROWS(Softmax, softmax_rows)},
           {"online", "maximum and sum in one pass, then the weights", types, kAnyProcessor, RIDGE_BIND_ROWS(Softmax, softmax_online)},
           RIDGE_CUDA_THREADS("cuda", "a block for a row, on an NVIDIA GPU", types, Softmax, cuda::on_gpu(made.rows, "softmax"))},
          rowwise_tolerance,
          // Maximum, difference, exponential, sum, quotient.
          [](const Shape& shape, Type) { return 5 * numbers(shape); },
          [](const Shape& shape, Type type) { return 2 * numbers(shape) * static_cast<double>(bytes_of(type)); },
          make_problem<Softmax>};
}

RIDGE_OP(softmax)

}  // namespace
}  // namespace ridgepoint::ops
