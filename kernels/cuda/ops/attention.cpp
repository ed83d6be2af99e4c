#include "cuda/ops/attention.h"

#include <cmath>
#include <stdexcept>

#include "cuda/ops/decoding.h"
#include "ops/attention_decode/decode.h"
#include "ops/attention_prefill/prefill.h"
#include "ops/products/problems.h"

namespace ridgepoint::cuda {
namespace {

Buffer upload(ops::Type type, const void* from, int64_t count) {
  return Buffer(from, static_cast<size_t>(count) * ops::bytes_of(type));
}
Buffer upload(const float* from, int64_t count) { return Buffer(from, static_cast<size_t>(count) * sizeof(float)); }

class DecodeKernel final : public DeviceKernel {
 public:
  explicit DecodeKernel(const Decode& d) : DeviceKernel(d.batch * d.heads * d.valueLength, d.outputs) {
    const int64_t rows = d.batch * d.kvHeads * (d.table != nullptr ? d.pages() * d.page : d.context);
    keys_ = upload(d.type, d.keys, rows * d.keyLength);
    values_ = upload(d.type, d.values, rows * d.valueLength);
    queries_ = upload(d.queries, d.batch * d.heads * d.keyLength);
    DecodeArguments a{};
    if (d.keyScales != nullptr) {
      key_scales_ = upload(d.keyScales, rows);
      value_scales_ = upload(d.valueScales, rows);
      a.key_scales = pointer<const float>(key_scales_);
      a.value_scales = pointer<const float>(value_scales_);
    }
    if (d.table != nullptr) {
      table_ = Buffer(d.table, static_cast<size_t>(d.batch * d.pages()) * sizeof(int32_t));
      a.table = pointer<const int32_t>(table_);
      a.page = static_cast<int32_t>(d.page);
      a.pages = d.pages();
      a.table_rows = static_cast<int32_t>(d.kvHeads * d.page);
    }
    a.keys = pointer<const void>(keys_);
    a.values = pointer<const void>(values_);
    a.queries = pointer<const float>(queries_);
    a.context = d.context, a.first = d.firstSeen();
    a.key_stride = d.keyLength, a.value_stride = d.valueLength;
    a.heads = static_cast<int32_t>(d.heads), a.kv_heads = static_cast<int32_t>(d.kvHeads);
    a.key_length = static_cast<int32_t>(d.keyLength), a.value_length = static_cast<int32_t>(d.valueLength);
    a.scale = 1 / std::sqrt(static_cast<float>(d.keyLength));
    decoding_ = std::make_unique<Decoding>(a, d.batch, d.type, d.splits);
  }
  ops::Facts facts() const override { return {{"splits", decoding_->arguments.splits}}; }

 protected:
  void start() override { decoding_->start(output_); }

 private:
  Buffer keys_, values_, key_scales_, value_scales_, queries_, table_;
  std::unique_ptr<Decoding> decoding_;
};

// Of attention-prefill.cu.
constexpr int64_t kQueries = 64;
constexpr unsigned kPrefillThreads = 128;

class PrefillKernel final : public DeviceKernel {
 public:
  explicit PrefillKernel(const Prefill& p) : DeviceKernel(p.batch * p.heads * p.tokens * p.valueLength, p.outputs), batch_(p.batch) {
    const int64_t longest = std::max(p.keyLength, p.valueLength);
    if (longest > 128 || p.keyLength % 8 != 0 || p.valueLength % 8 != 0) {
      throw std::runtime_error("the CUDA kernel of a prompt takes keys and values of at most 128 elements, in multiples of 8");
    }
    length_ = longest <= 64 ? 64 : 128;
    kernel_ = std::string("attention_prefill_") + ops::name_of(p.type) + "_" + std::to_string(length_);
    const int64_t rows = p.batch * p.kvHeads * p.context();
    keys_ = upload(p.type, p.keys, rows * p.keyLength);
    values_ = upload(p.type, p.values, rows * p.valueLength);
    queries_ = upload(p.queries, p.batch * p.heads * p.tokens * p.keyLength);
    a_.keys = pointer<const void>(keys_);
    a_.values = pointer<const void>(values_);
    a_.queries = pointer<const float>(queries_);
    a_.outputs = pointer<float>(output_);
    a_.depth = p.depth, a_.tokens = p.tokens, a_.window = p.window;
    a_.heads = static_cast<int32_t>(p.heads), a_.kv_heads = static_cast<int32_t>(p.kvHeads);
    a_.key_length = static_cast<int32_t>(p.keyLength), a_.value_length = static_cast<int32_t>(p.valueLength);
    a_.scale = 1 / std::sqrt(static_cast<float>(p.keyLength));
  }

 protected:
  void start() override {
    const unsigned shared = 2 * kQueries * static_cast<unsigned>(2 * length_ + 16);
    const Size grid = {blocks_for(a_.tokens, kQueries), static_cast<unsigned>(batch_ * a_.heads)};
    Device::get().launch(kernel_.c_str(), grid, {kPrefillThreads}, shared, a_);
  }

 private:
  int64_t batch_, length_;
  std::string kernel_;
  PrefillArguments a_{};
  Buffer keys_, values_, queries_;
};

}  // namespace

std::unique_ptr<ops::Kernel> on_gpu(const Decode& decode) { return std::make_unique<DecodeKernel>(decode); }
std::unique_ptr<ops::Kernel> on_gpu(const Prefill& prefill) { return std::make_unique<PrefillKernel>(prefill); }

double prefill_tolerance(ops::Type type) { return 1e-5 + (type == ops::Type::f16 ? 0x1p-10 : 0x1p-7); }

}  // namespace ridgepoint::cuda
