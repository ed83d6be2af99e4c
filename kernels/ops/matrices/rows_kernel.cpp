#include "ops/matrices/rows_kernel.h"

#include <algorithm>

namespace ridgepoint::ops {
namespace {

// A chunk is long, for what is asked for beyond its end is often another thread's: on Zen 5 two threads read 5 to 10 % more with
// 1 MiB than with 128 KiB. But each thread gets several, so that one that is disturbed is not waited for.
constexpr double kLongest = 1 << 20;
constexpr double kShortest = 64 << 10;
constexpr int kChunksPerThread = 16;

class RowsKernel : public Kernel {
 public:
  RowsKernel(const LinearProblem& problem, const Packed& packed, double packed_bytes, int64_t row_unit,
             RowsFunction function, Arena& arena)
      : packed_(packed),
        function_(function),
        activations_(problem.x, problem.batch, problem.weights.stride, problem.weights.type, arena),
        y_(arena.take<float>("output", packed.rows * problem.batch, Use::output)),
        bits_(8 * packed_bytes / static_cast<double>(packed.rows * problem.weights.columns)),
        bytes_(packed_bytes),
        row_unit_(row_unit) {}

  void run(Pool& pool) override {
    activations_.round(pool);
    pool.split(packed_.rows, rows_at_once(pool.threads()), [this](int, int64_t begin, int64_t end) {
      function_(packed_, activations_.rounded(), begin, end, y_);
    });
  }

  const float* output() override { return y_; }
  Facts facts() const override { return {{"bitsPerWeight", bits_}}; }

 private:
  int64_t rows_at_once(int threads) const {
    const double even = bytes_ / (kChunksPerThread * threads);
    const double share = std::clamp(even, kShortest, kLongest) / std::max(bytes_, 1.0);
    const auto rows = static_cast<int64_t>(share * static_cast<double>(packed_.rows));
    return rounded_up(std::max<int64_t>(1, rows), row_unit_);
  }

  Packed packed_;
  RowsFunction function_;
  Activations activations_;
  float* y_;
  double bits_;
  double bytes_;
  int64_t row_unit_;
};

}  // namespace

std::unique_ptr<Kernel> rows_kernel(const LinearProblem& problem, const Packed& packed, double packed_bytes,
                                    int64_t row_unit, RowsFunction function, Arena& arena) {
  return std::make_unique<RowsKernel>(problem, packed, packed_bytes, row_unit, function, arena);
}

Packed pack_dense(const Weights& weights, Arena& arena) {
  Packed packed;
  packed.rows = weights.rows;
  packed.stride = weights.stride;
  packed.values = weights.values;
  packed.row_scales = weights.row_scales;
  packed.block_scales = weights.block_scales;
  if (weights.type == Type::int8) {
    auto* offsets = arena.take<int32_t>("row offsets", weights.rows, Use::input);
    const auto* values = static_cast<const int8_t*>(weights.values);
    for (int64_t row = 0; row < weights.rows; row++) {
      int32_t sum = 0;
      for (int64_t c = 0; c < weights.stride; c++) sum += values[row * weights.stride + c];
      offsets[row] = -128 * sum;
    }
    packed.row_offsets = offsets;
  }
  return packed;
}

}  // namespace ridgepoint::ops
