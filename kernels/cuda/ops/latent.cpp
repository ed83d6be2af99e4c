#include <cmath>
#include <numeric>

#include "cuda/ops/attention.h"
#include "cuda/ops/decoding.h"
#include "ops/mla_decode/mla.h"
#include "ops/nsa_decode/nsa.h"
#include "ops/products/problems.h"

namespace ridgepoint::cuda {
namespace {

constexpr unsigned kThreads = 128;
constexpr int64_t kWarps = kThreads / 32;

Buffer upload(ops::Type type, const void* from, int64_t count) {
  return Buffer(from, static_cast<size_t>(count) * ops::bytes_of(type));
}

// The query takes the keys' matrix on, all heads share a cache of latents, and each sum of latents takes its head's values.
class MlaKernel final : public DeviceKernel {
 public:
  explicit MlaKernel(const Mla& m) : DeviceKernel(m.batch * m.heads * m.valueLength, m.outputs), m_(m) {
    cache_ = upload(m.type, m.cache, m.batch * m.context * m.cached());
    up_key_ = upload(m.type, m.upKey, m.heads * m.headLength * m.rank);
    up_value_ = upload(m.type, m.upValue, m.heads * m.valueLength * m.rank);
    queries_ = upload(ops::Type::f32, m.queries, m.batch * m.heads * m.queryLength());
    absorbed_ = Buffer(static_cast<size_t>(m.batch * m.heads * m.cached()) * 4);
    latent_ = Buffer(static_cast<size_t>(m.batch * m.heads * m.rank) * 4);
    DecodeArguments d{};
    d.keys = d.values = pointer<const void>(cache_);
    d.queries = pointer<const float>(absorbed_);
    d.context = m.context;
    d.key_stride = d.value_stride = m.cached();
    d.heads = static_cast<int32_t>(m.heads), d.kv_heads = 1;
    d.key_length = static_cast<int32_t>(m.cached()), d.value_length = static_cast<int32_t>(m.rank);
    d.scale = 1 / std::sqrt(static_cast<float>(m.queryLength()));
    decoding_ = std::make_unique<Decoding>(d, m.batch, m.type, m.splits);
    group_by_head();
  }

 protected:
  void start() override {
    Device& device = Device::get();
    const std::string type = ops::name_of(m_.type);
    const Size grid = {blocks_for(m_.cached(), kThreads), static_cast<unsigned>(m_.heads), static_cast<unsigned>(m_.batch)};
    device.launch(("mla_absorb_" + type).c_str(), grid, {kThreads}, 0, up_key_.address(), queries_.address(),
                  static_cast<int32_t>(m_.heads), static_cast<int32_t>(m_.headLength), static_cast<int32_t>(m_.rank),
                  static_cast<int32_t>(m_.ropeLength), absorbed_.address());
    decoding_->start(latent_);
    device.launch(("grouped_rows_" + type).c_str(), {blocks_for(m_.valueLength, kWarps), static_cast<unsigned>(m_.heads)},
                  {kThreads}, 0, values_);
  }

 private:
  // A head's matrix of values with the latents of all sequences.
  void group_by_head() {
    std::vector<int32_t> heads(static_cast<size_t>(m_.heads)), starts, units;
    std::iota(heads.begin(), heads.end(), 0);
    for (int64_t head = 0; head < m_.heads; head++) {
      starts.push_back(static_cast<int32_t>(units.size()));
      for (int64_t b = 0; b < m_.batch; b++) units.push_back(static_cast<int32_t>(b * m_.heads + head));
    }
    starts.push_back(static_cast<int32_t>(units.size()));
    matrices_ = Buffer(heads), starts_ = Buffer(starts), units_ = Buffer(units);
    values_.weights = pointer<const void>(up_value_);
    values_.x = pointer<const float>(latent_);
    values_.y = pointer<float>(output_);
    values_.matrix_of = pointer<const int32_t>(matrices_);
    values_.starts = pointer<const int32_t>(starts_);
    values_.x_of = values_.y_of = pointer<const int32_t>(units_);
    values_.rows = m_.valueLength, values_.columns = static_cast<int32_t>(m_.rank);
  }

  Mla m_;
  GroupedArguments values_{};
  Buffer cache_, up_key_, up_value_, queries_, absorbed_, latent_, matrices_, starts_, units_;
  std::unique_ptr<Decoding> decoding_;
};

class NsaKernel final : public DeviceKernel {
 public:
  explicit NsaKernel(const Nsa& n) : DeviceKernel(n.batch * n.heads * n.valueLength, n.outputs), n_(n) {
    const int64_t groups = n.batch * n.kvHeads, units = n.batch * n.heads;
    const int64_t rows[] = {n.compressed(), n.context, n.windowed()};
    for (int branch = 0; branch < 3; branch++) {
      keys_[branch] = upload(n.type, n.keys[branch], groups * rows[branch] * n.keyLength);
      values_[branch] = upload(n.type, n.values[branch], groups * rows[branch] * n.valueLength);
      outputs_[branch] = Buffer(static_cast<size_t>(units * n.valueLength) * 4);
    }
    queries_ = upload(ops::Type::f32, n.queries, units * n.keyLength);
    gates_ = upload(ops::Type::f32, n.gates, units * 3);
    weights_ = Buffer(static_cast<size_t>(units * n.compressed()) * 4);
    importance_ = Buffer(static_cast<size_t>(groups * n.blocks()) * 4);
    chosen_ = Buffer(static_cast<size_t>(groups * n.selected()) * 4);
    describe();
    // Each group of heads is a sequence of its own, for each selects for itself.
    DecodeArguments selected = branch(1, n.selectedTokens());
    selected.table = pointer<const int32_t>(chosen_);
    selected.page = static_cast<int32_t>(n.selectBlock), selected.pages = n.selected(), selected.table_rows = 1;
    selected_ = std::make_unique<Decoding>(selected, groups, n.type, 0);
    window_ = std::make_unique<Decoding>(branch(2, n.windowed()), groups, n.type, 0);
  }
  ops::Facts facts() const override {
    return {{"tokensRead", static_cast<double>(n_.compressed() + n_.selectedTokens() + n_.windowed())}};
  }

 protected:
  void start() override {
    Device& device = Device::get();
    const std::string type = ops::name_of(n_.type);
    const auto units = static_cast<unsigned>(n_.batch * n_.heads);
    const bool any = n_.compressed() > 0;
    if (any) {
      device.launch(("nsa_scores_" + type).c_str(), {blocks_for(n_.compressed(), kWarps), units}, {kThreads}, 0, a_);
      device.launch(("nsa_compressed_" + type).c_str(), {units}, {kThreads}, 0, a_);
    }
    device.launch("nsa_select", {static_cast<unsigned>(n_.batch * n_.kvHeads)}, {kThreads}, 0, a_);
    selected_->start(outputs_[1]);
    window_->start(outputs_[2]);
    device.launch("nsa_gate", {blocks_for(units * n_.valueLength, kThreads)}, {kThreads}, 0, any ? outputs_[0].address() : 0,
                  outputs_[1].address(), outputs_[2].address(), gates_.address(), static_cast<int64_t>(units),
                  static_cast<int32_t>(n_.valueLength), output_.address());
  }

 private:
  DecodeArguments branch(int which, int64_t tokens) const {
    DecodeArguments d{};
    d.keys = pointer<const void>(keys_[which]);
    d.values = pointer<const void>(values_[which]);
    d.queries = pointer<const float>(queries_);
    d.context = tokens;
    d.key_stride = n_.keyLength, d.value_stride = n_.valueLength;
    d.heads = static_cast<int32_t>(n_.heads / n_.kvHeads), d.kv_heads = 1;
    d.key_length = static_cast<int32_t>(n_.keyLength), d.value_length = static_cast<int32_t>(n_.valueLength);
    d.scale = 1 / std::sqrt(static_cast<float>(n_.keyLength));
    return d;
  }

  void describe() {
    a_.keys = pointer<const void>(keys_[0]);
    a_.values = pointer<const void>(values_[0]);
    a_.queries = pointer<const float>(queries_);
    a_.weights = pointer<float>(weights_);
    a_.output = pointer<float>(outputs_[0]);
    a_.importance = pointer<float>(importance_);
    a_.rows = pointer<int32_t>(chosen_);
    a_.context = n_.context;
    a_.compressed = static_cast<int32_t>(n_.compressed()), a_.blocks = static_cast<int32_t>(n_.blocks());
    a_.selected = static_cast<int32_t>(n_.selected());
    a_.heads = static_cast<int32_t>(n_.heads), a_.kv_heads = static_cast<int32_t>(n_.kvHeads);
    a_.key_length = static_cast<int32_t>(n_.keyLength), a_.value_length = static_cast<int32_t>(n_.valueLength);
    a_.compress_block = static_cast<int32_t>(n_.compressBlock), a_.compress_stride = static_cast<int32_t>(n_.compressStride);
    a_.select_block = static_cast<int32_t>(n_.selectBlock);
    a_.scale = 1 / std::sqrt(static_cast<float>(n_.keyLength));
  }

  Nsa n_;
  NsaArguments a_{};
  Buffer keys_[3], values_[3], outputs_[3], queries_, gates_, weights_, importance_, chosen_;
  std::unique_ptr<Decoding> selected_, window_;
};

}  // namespace

std::unique_ptr<ops::Kernel> on_gpu(const Mla& mla) { return std::make_unique<MlaKernel>(mla); }
std::unique_ptr<ops::Kernel> on_gpu(const Nsa& nsa) { return std::make_unique<NsaKernel>(nsa); }

}  // namespace ridgepoint::cuda
