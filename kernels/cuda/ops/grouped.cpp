#include <algorithm>
#include <numeric>

#include "cuda/ops/decoding.h"
#include "cuda/ops/layers.h"
#include "ops/lora/lora.h"
#include "ops/moe/moe.h"
#include "ops/products/problems.h"

namespace ridgepoint::cuda {
namespace {

constexpr unsigned kThreads = 128;
constexpr int64_t kWarps = kThreads / 32;

Buffer upload(ops::Type type, const void* from, int64_t count) {
  return Buffer(from, static_cast<size_t>(count) * ops::bytes_of(type));
}

// Pairs of vectors and matrices, those of a matrix together: which vectors each group has, on the GPU.
class Groups {
 public:
  // matrix_of: of each pair; `together`: pairs of one matrix are one group, or each pair is its own.
  // vector_of: of each pair, which x it has; y is numbered as the pairs are.
  Groups(const std::vector<int32_t>& matrix_of, bool together, const std::vector<int32_t>& vector_of) {
    std::vector<int32_t> order(matrix_of.size()), matrices, starts, vectors;
    std::iota(order.begin(), order.end(), 0);
    const auto matrix = [&](int32_t pair) { return matrix_of[static_cast<size_t>(pair)]; };
    if (together) std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return matrix(a) < matrix(b); });
    for (size_t i = 0; i < order.size(); i++) {
      vectors.push_back(vector_of[static_cast<size_t>(order[i])]);
      if (together && i > 0 && matrix(order[i]) == matrix(order[i - 1])) continue;
      matrices.push_back(matrix(order[i]));
      starts.push_back(static_cast<int32_t>(i));
    }
    starts.push_back(static_cast<int32_t>(order.size()));
    count_ = static_cast<unsigned>(matrices.size());
    matrices_ = Buffer(matrices), starts_ = Buffer(starts), vectors_ = Buffer(vectors), order_ = Buffer(order);
  }

  void start(const std::string& type, GroupedArguments g) const {
    g.matrix_of = pointer<const int32_t>(matrices_);
    g.starts = pointer<const int32_t>(starts_);
    g.x_of = pointer<const int32_t>(vectors_);
    g.y_of = pointer<const int32_t>(order_);
    Device::get().launch(("grouped_rows_" + type).c_str(), {blocks_for(g.rows, kWarps), count_}, {kThreads}, 0, g);
  }

 private:
  unsigned count_;
  Buffer matrices_, starts_, vectors_, order_;
};

std::vector<int32_t> numbers(int64_t count) {
  std::vector<int32_t> all(static_cast<size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

class LoraKernel final : public DeviceKernel {
 public:
  LoraKernel(const Lora& l, Adapters way)
      : DeviceKernel(l.tokens * l.outputCount, l.outputs),
        l_(l),
        way_(way),
        layer_(std::vector<int32_t>(static_cast<size_t>(l.tokens)), true, numbers(l.tokens)),
        adapters_({l.adapterOf, l.adapterOf + l.tokens}, way == Adapters::grouped, numbers(l.tokens)) {
    w_ = upload(l.type, l.w, l.outputCount * l.inputs);
    a_ = upload(l.type, l.a, l.adapters * l.rank * l.inputs);
    b_ = upload(l.type, l.b, l.adapters * l.outputCount * l.rank);
    x_ = upload(ops::Type::f32, l.x, l.tokens * l.inputs);
    low_ = Buffer(static_cast<size_t>(l.tokens * l.rank) * 4);
    adapter_of_ = Buffer(l.adapterOf, static_cast<size_t>(l.tokens) * 4);
    if (l.gain != nullptr) gain_ = upload(ops::Type::f32, l.gain, l.adapters * l.outputCount);
  }

 protected:
  void start() override {
    const std::string type = ops::name_of(l_.type);
    GroupedArguments down{};
    down.weights = pointer<const void>(a_), down.x = pointer<const float>(x_), down.y = pointer<float>(low_);
    down.rows = l_.rank, down.columns = static_cast<int32_t>(l_.inputs);
    GroupedArguments layer{}, up{};
    layer.weights = pointer<const void>(w_), layer.x = down.x, layer.y = pointer<float>(output_);
    layer.rows = l_.outputCount, layer.columns = down.columns;
    up = layer;
    up.up = pointer<const void>(b_), up.low = pointer<const float>(low_), up.adapter_of = pointer<const int32_t>(adapter_of_);
    up.gain = pointer<const float>(gain_), up.rank = static_cast<int32_t>(l_.rank), up.scale = l_.scale;
    if (way_ == Adapters::separate) layer_.start(type, layer);
    adapters_.start(type, down);
    if (way_ != Adapters::separate) return layer_.start(type, up);
    const Size grid = {blocks_for(l_.tokens * l_.outputCount, kThreads)};
    Device::get().launch(("adapter_add_" + type).c_str(), grid, {kThreads}, 0, up, l_.tokens);
  }

 private:
  Lora l_;
  Adapters way_;
  Groups layer_, adapters_;
  Buffer w_, a_, b_, x_, low_, adapter_of_, gain_;
};

std::vector<int32_t> tokens_of_pairs(const Moe& m) {
  std::vector<int32_t> tokens;
  for (int64_t pair = 0; pair < m.tokens * m.used; pair++) tokens.push_back(static_cast<int32_t>(pair / m.used));
  return tokens;
}

class MoeKernel final : public DeviceKernel {
 public:
  MoeKernel(const Moe& m, bool together)
      : DeviceKernel(m.tokens * m.used * m.outputCount, m.outputs),
        type_(ops::name_of(m.type)),
        pairs_({m.expertOf, m.expertOf + m.tokens * m.used}, together, tokens_of_pairs(m)) {
    w_ = upload(m.type, m.w, m.experts * m.outputCount * m.inputs);
    x_ = upload(ops::Type::f32, m.x, m.tokens * m.inputs);
    g_.weights = pointer<const void>(w_), g_.x = pointer<const float>(x_), g_.y = pointer<float>(output_);
    g_.rows = m.outputCount, g_.columns = static_cast<int32_t>(m.inputs);
  }

 protected:
  void start() override { pairs_.start(type_, g_); }

 private:
  std::string type_;
  Groups pairs_;
  GroupedArguments g_{};
  Buffer w_, x_;
};

}  // namespace

std::unique_ptr<ops::Kernel> on_gpu(const Lora& lora, Adapters way) { return std::make_unique<LoraKernel>(lora, way); }
std::unique_ptr<ops::Kernel> on_gpu(const Moe& moe, bool together) { return std::make_unique<MoeKernel>(moe, together); }

}  // namespace ridgepoint::cuda
