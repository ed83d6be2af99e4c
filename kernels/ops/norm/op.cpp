#include <cmath>

#include "cuda/ops/bind.h"
#include "ops/norm/norm.h"

namespace ridgepoint::ops {
namespace {

enum { kRows, kLength };

struct RmsNorm final : RowsProblem {
  RmsNorm(const Shape& shape, Type type, uint64_t seed, Arena& arena) : RmsNorm(shape, type, Random(seed), arena) {}
  RmsNorm(const Shape& shape, Type type, Random source, Arena& arena)
      : RowsProblem(shape[kRows], shape[kLength], type, source, arena) {
    rows.a = floats(arena, "weights", rows.length, 1, source);
  }
  void reference(int64_t row, double* expected, double* magnitude) const override {
    double squares = 0;
    for (int64_t i = 0; i < rows.length; i++) squares += x(row, i) * x(row, i);
    const double rms = std::sqrt(squares / static_cast<double>(rows.length) + static_cast<double>(EPSILON));
    for (int64_t i = 0; i < rows.length; i++) {
      expected[i] = x(row, i) / rms * rows.a[i];
      // Below 2^-14 half precision has fewer bits.
      magnitude[i] = std::fabs(expected[i]) + 0x1p-14;
    }
  }
};

struct LayerNorm final : RowsProblem {
  LayerNorm(const Shape& shape, Type type, uint64_t seed, Arena& arena) : LayerNorm(shape, type, Random(seed), arena) {}
  LayerNorm(const Shape& shape, Type type, Random source, Arena& arena)
      : RowsProblem(shape[kRows], shape[kLength], type, source, arena) {
    rows.a = floats(arena, "weights", rows.length, 1, source);
    rows.b = floats(arena, "biases", rows.length, 1, source);
  }
  void reference(int64_t row, double* expected, double* magnitude) const override {
    const auto length = static_cast<double>(rows.length);
    double sum = 0, size = 0, squares = 0;
    for (int64_t i = 0; i < rows.length; i++) {
      sum += x(row, i);
      size += std::fabs(x(row, i));
    }
    const double mean = sum / length;
    for (int64_t i = 0; i < rows.length; i++) squares += (x(row, i) - mean) * (x(row, i) - mean);
    const double deviation = std::sqrt(squares / length + static_cast<double>(EPSILON));
    for (int64_t i = 0; i < rows.length; i++) {
      expected[i] = (x(row, i) - mean) / deviation * rows.a[i] + rows.b[i];
      magnitude[i] = (std::fabs(x(row, i)) + size / length) / deviation * std::fabs(rows.a[i]) + std::fabs(rows.b[i]) + 0x1p-14;
    }
  }
};

double numbers(const Shape& shape) { return static_cast<double>(shape[kRows]) * static_cast<double>(shape[kLength]); }

const std::vector<Parameter> kParameters = {{"rows", "rows: tokens", 512, 1, int64_t{1} << 24},
                                            {"length", "numbers of a row", 4096, 1, int64_t{1} << 20}};
const std::vector<Type> kTypes = {Type::f32, Type::f16, Type::bf16};

Op rms_norm() {
  return {"rms-norm",
          Family::rowwise,
          "rows divided by the root of their mean square, times weights",
          kParameters,
          {},
          kTypes,
          {{"rows", "a row at a time, read from the cache the second time", kTypes, kAnyProcessor, RIDGE_BIND_ROWS(RmsNorm, rms_norm_rows)},
           RIDGE_CUDA_THREADS("cuda", "a block for a row, on an NVIDIA GPU", kTypes, RmsNorm, cuda::on_gpu(made.rows, "rms_norm"))},
          rowwise_tolerance,
          // A square and its sum, the root's factor, the weight.
          [](const Shape& shape, Type) { return 4 * numbers(shape); },
          [](const Shape& shape, Type type) {
            return 2 * numbers(shape) * static_cast<double>(bytes_of(type)) + sizeof(float) * static_cast<double>(shape[kLength]);
          },
          make_problem<RmsNorm>};
}

Op layer_norm() {
  return {"layer-norm",
          Family::rowwise,
          "rows less their mean, divided by their deviation, times weights, plus biases",
          kParameters,
          {},
          kTypes,
          {{"rows", "a row at a time, read from the cache again", kTypes, kAnyProcessor, RIDGE_BIND_ROWS(LayerNorm, layer_norm_rows)},
           RIDGE_CUDA_THREADS("cuda", "a block for a row, on an NVIDIA GPU", kTypes, LayerNorm, cuda::on_gpu(made.rows, "layer_norm"))},
          rowwise_tolerance,
          // The sum; the difference, its square and the sum of it; the difference, two factors and the bias.
          [](const Shape& shape, Type) { return 8 * numbers(shape); },
          [](const Shape& shape, Type type) {
            return 2 * numbers(shape) * static_cast<double>(bytes_of(type)) + 2 * sizeof(float) * static_cast<double>(shape[kLength]);
          },
          make_problem<LayerNorm>};
}

RIDGE_OP(rms_norm)
RIDGE_OP(layer_norm)

}  // namespace
}  // namespace ridgepoint::ops
