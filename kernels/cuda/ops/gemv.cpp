#include "cuda/ops/activations.h"
#include "cuda/ops/variants.h"

namespace ridgepoint::cuda {
namespace {

constexpr unsigned kThreads = 128;
constexpr int64_t kWarps = kThreads / 32;
// As in matvec.cu.
constexpr int64_t kRowsOfWarp = 2;

class Dense final : public DeviceKernel {
 public:
  Dense(const ops::LinearProblem& problem, float* host)
      : DeviceKernel(problem.weights.rows, host), type_(problem.weights.type), rows_(static_cast<int32_t>(problem.weights.rows)),
        columns_(static_cast<int32_t>(problem.weights.stride)), vectors_(problem) {
    const ops::Weights& w = problem.weights;
    weights_ = Buffer(w.values, static_cast<size_t>(w.rows * w.stride * ops::bits_of_type(w.type) / 8));
    if (w.row_scales != nullptr) scales_ = Buffer(w.row_scales, static_cast<size_t>(w.rows) * sizeof(float));
    if (w.block_scales != nullptr) scales_ = Buffer(w.block_scales, static_cast<size_t>(w.rows * w.stride / ops::kBlock) * 2);
    bits_ = 8.0 * static_cast<double>(weights_.bytes() + scales_.bytes()) / static_cast<double>(w.rows * w.columns);
  }

  ops::Facts facts() const override { return {{"bitsPerWeight", bits_}}; }

 protected:
  void start() override {
    vectors_.start();
    Device& device = Device::get();
    if (type_ == ops::Type::int4) {
      device.launch("matvec_int4", {blocks_for(rows_, kWarps)}, {kThreads}, 0, weights_.address(), scales_.address(),
                    vectors_.numbers(), vectors_.scales(), rows_, columns_, output_.address());
      return;
    }
    const std::string name = std::string("matvec_") + ops::name_of(type_);
    device.launch(name.c_str(), {blocks_for(rows_, kWarps * kRowsOfWarp)}, {kThreads}, 0, weights_.address(),
                  vectors_.numbers(), scales_.address(), vectors_.scales(), rows_, columns_, output_.address());
  }

 private:
  ops::Type type_;
  int32_t rows_, columns_;
  Vectors vectors_;
  Buffer weights_, scales_;
  double bits_;
};

}  // namespace

ops::Variant gemv() {
  using ops::Type;
  return {"cuda", "a warp for two rows, on an NVIDIA GPU", {Type::f32, Type::f16, Type::bf16, Type::int8, Type::int4}, absent,
          [](const ops::Problem& any, ops::Arena& arena) -> std::unique_ptr<ops::Kernel> {
            const auto& problem = static_cast<const ops::LinearProblem&>(any);
            float* host = arena.take<float>("output", problem.weights.rows * problem.batch, ops::Use::output);
            return std::make_unique<Dense>(problem, host);
          },
          nullptr, "cuda"};
}

size_t cache_bytes() { return static_cast<size_t>(Device::get().attribute(kCacheBytes)); }

}  // namespace ridgepoint::cuda
