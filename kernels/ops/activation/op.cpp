#include <cmath>

#include "cuda/ops/bind.h"
#include "ops/activation/activation.h"

namespace ridgepoint::ops {
namespace {

enum { kRows, kLength };

struct SiluMul final : RowsProblem {
  SiluMul(const Shape& shape, Type type, uint64_t seed, Arena& arena) : SiluMul(shape, type, Random(seed), arena) {}
  SiluMul(const Shape& shape, Type type, Random source, Arena& arena)
      : RowsProblem(shape[kRows], shape[kLength], type, source, arena) {
    rows.second = random(arena, "factors", type, rows.rows * rows.length, 1, source);
  }
  void reference(int64_t row, double* expected, double* magnitude) const override {
    for (int64_t i = 0; i < rows.length; i++) {
      const double v = x(row, i);
      expected[i] = v / (1 + std::exp(-v)) * at(rows.type, rows.second, row * rows.length + i);
      magnitude[i] = std::fabs(expected[i]) * (1 + std::fabs(v)) + 0x1p-14;
    }
  }
};

struct Gelu final : RowsProblem {
  Gelu(const Shape& shape, Type type, uint64_t seed, Arena& arena) : Gelu(shape, type, Random(seed), arena) {}
  Gelu(const Shape& shape, Type type, Random source, Arena& arena)
      : RowsProblem(shape[kRows], shape[kLength], type, source, arena) {}
  void reference(int64_t row, double* expected, double* magnitude) const override {
    for (int64_t i = 0; i < rows.length; i++) {
      const double v = x(row, i);
      const double u = std::sqrt(2 / std::acos(-1.0)) * (v + 0.044715 * v * v * v);
      expected[i] = 0.5 * v * (1 + std::tanh(u));
      magnitude[i] = std::fabs(expected[i]) * (1 + 2 * std::fabs(u)) + 0x1p-14;
    }
  }
};

double numbers(const Shape& shape) { return static_cast<double>(shape[kRows]) * static_cast<double>(shape[kLength]); }

const std::vector<Parameter> kParameters = {{"rows", "rows: tokens", 512, 1, int64_t{1} << 24},
                                            {"length", "numbers of a row", 11008, 1, int64_t{1} << 20}};
const std::vector<Type> kTypes = {Type::f32, Type::f16, Type::bf16};

Op silu_mul() {
  return {"silu-mul",
          Family::rowwise,
          "x / (1 + e^-x) times a second input: the middle of a gated feed-forward layer",
          kParameters,
          {},
          kTypes,
          {{"rows", "one pass", kTypes, kAnyProcessor, RIDGE_BIND_ROWS(SiluMul, silu_mul_rows)},
           RIDGE_CUDA_THREADS("cuda", "a thread for a number, on an NVIDIA GPU", kTypes, SiluMul, cuda::on_gpu(made.rows, "silu_mul"))},
          rowwise_tolerance,
          // Exponential, sum, quotient, product.
          [](const Shape& shape, Type) { return 4 * numbers(shape); },
          [](const Shape& shape, Type type) { return 3 * numbers(shape) * static_cast<double>(bytes_of(type)); },
          make_problem<SiluMul>};
}

Op gelu() {
  return {"gelu",
          Family::rowwise,
          "gelu in its tanh form",
          kParameters,
          {},
          kTypes,
          {{"rows", "one pass", kTypes, kAnyProcessor, RIDGE_BIND_ROWS(Gelu, gelu_rows)},
           RIDGE_CUDA_THREADS("cuda", "a thread for a number, on an NVIDIA GPU", kTypes, Gelu, cuda::on_gpu(made.rows, "gelu"))},
          rowwise_tolerance,
          // The polynomial of degree 3 (a square, a multiply and add, a product), exponential, sum, quotient.
          [](const Shape& shape, Type) { return 7 * numbers(shape); },
          [](const Shape& shape, Type type) { return 2 * numbers(shape) * static_cast<double>(bytes_of(type)); },
          make_problem<Gelu>};
}

RIDGE_OP(silu_mul)
RIDGE_OP(gelu)

}  // namespace
}  // namespace ridgepoint::ops
