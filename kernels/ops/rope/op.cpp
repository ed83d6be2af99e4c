#include <cmath>

#include "cuda/ops/bind.h"
#include "ops/rope/rope.h"

namespace ridgepoint::ops {
namespace {

enum { kTokens, kHeads, kLength, kInterleaved };

struct Rope final : RowsProblem {
  Rope(const Shape& shape, Type type, uint64_t seed, Arena& arena) : Rope(shape, type, Random(seed), arena) {}
  Rope(const Shape& shape, Type type, Random source, Arena& arena)
      : RowsProblem(shape[kTokens] * shape[kHeads], shape[kLength], type, source, arena) {
    const int64_t half = rows.length / 2;
    float* cosines = arena.take<float>("cosines", shape[kTokens] * half, Use::input);
    float* sines = arena.take<float>("sines", shape[kTokens] * half, Use::input);
    for (int64_t token = 0; token < shape[kTokens]; token++)
      for (int64_t i = 0; i < half; i++) {
        const double angle = static_cast<double>(token) * std::pow(1e4, -static_cast<double>(i) / static_cast<double>(half));
        cosines[token * half + i] = static_cast<float>(std::cos(angle));
        sines[token * half + i] = static_cast<float>(std::sin(angle));
      }
    rows.a = cosines, rows.b = sines, rows.heads = shape[kHeads], rows.interleaved = shape[kInterleaved] != 0;
  }
  void reference(int64_t row, double* expected, double* magnitude) const override {
    const int64_t half = rows.length / 2;
    for (int64_t i = 0; i < half; i++) {
      const int64_t first = rows.interleaved ? 2 * i : i, second = rows.interleaved ? 2 * i + 1 : i + half;
      const double c = rows.a[row / rows.heads * half + i], s = rows.b[row / rows.heads * half + i];
      const double u = x(row, first), v = x(row, second);
      expected[first] = u * c - v * s;
      expected[second] = u * s + v * c;
      magnitude[first] = std::fabs(u * c) + std::fabs(v * s) + 0x1p-14;
      magnitude[second] = std::fabs(u * s) + std::fabs(v * c) + 0x1p-14;
    }
  }
};

double numbers(const Shape& shape) {
  return static_cast<double>(shape[kTokens] * shape[kHeads]) * static_cast<double>(shape[kLength]);
}

Op rope() {
  const std::vector<Type> types = {Type::f32, Type::f16, Type::bf16};
  return {"rope",
          Family::rowwise,
          "pairs of a head's elements turned by the token's position",
          {{"tokens", "tokens", 512, 1, int64_t{1} << 20},
           {"heads", "heads of a token", 32, 1, 1024},
           {"length", "elements of a head", 128, 2, 1024},
           {"interleaved", "0 = pairs of the two halves; 1 = pairs of neighbours", 0, 0, 1}},
          {multiple_of("length", 2, "pairs of elements are turned")},
          types,
          {{"rows", "one pass", types, kAnyProcessor, RIDGE_BIND_ROWS(Rope, rope_rows)},
           RIDGE_CUDA_THREADS("cuda", "a thread for a pair, on an NVIDIA GPU", types, Rope, cuda::on_gpu(made.rows, "rope"))},
          rowwise_tolerance,
          // Four products and two sums for a pair.
          [](const Shape& shape, Type) { return 3 * numbers(shape); },
          [](const Shape& shape, Type type) {
            const double table = sizeof(float) * static_cast<double>(shape[kTokens] * shape[kLength]);
            return 2 * numbers(shape) * static_cast<double>(bytes_of(type)) + table;
          },
          make_problem<Rope>};
}

RIDGE_OP(rope)

}  // namespace
}  // namespace ridgepoint::ops
