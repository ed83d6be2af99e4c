#include "ops/products/rowwise.h"

#include "cuda/ops/device_kernel.h"
#include "cuda/ops/layers.h"
#include "ops/norm/norm.h"

namespace ridgepoint::cuda {
namespace {

constexpr unsigned kThreads = 256;

// Rows come back in their own type, so this is no DeviceKernel, whose outputs are floats.
class RowsKernel final : public ops::Kernel {
 public:
  RowsKernel(const Rowwise& rows, const char* op) : rows_(rows), op_(op), name_(std::string(op) + "_" + ops::name_of(rows.type)) {
    const auto count = static_cast<size_t>(rows.rows * rows.length);
    const size_t bytes = count * ops::bytes_of(rows.type);
    x_ = Buffer(rows.x, bytes), y_ = Buffer(bytes);
    if (rows.second != nullptr) second_ = Buffer(rows.second, bytes);
    const auto table = static_cast<size_t>(op_ == "rope" ? rows.rows / rows.heads * (rows.length / 2) : rows.length) * 4;
    if (rows.a != nullptr) a_ = Buffer(rows.a, table);
    if (rows.b != nullptr) b_ = Buffer(rows.b, table);
    outputs_.resize(count);
  }

  void run(Pool&) override {
    Device::get();
    y_.poison();
    start();
    Device::get().wait();
  }
  double timed(Pool&) override {
    return Device::get().timed([this] { start(); });
  }
  const float* output() override {
    y_.read(rows_.y);
    if (y_.damaged()) throw Failed("a CUDA kernel wrote beside its memory");
    for (size_t i = 0; i < outputs_.size(); i++) {
      outputs_[i] = static_cast<float>(ops::at(rows_.type, rows_.y, static_cast<int64_t>(i)));
    }
    return outputs_.data();
  }

 private:
  void start() {
    Device& device = Device::get();
    const auto length = static_cast<int32_t>(rows_.length);
    const int64_t count = rows_.rows * rows_.length;
    const Size each_row = {static_cast<unsigned>(rows_.rows)}, block = {kThreads};
    const Address x = x_.address(), y = y_.address(), a = a_.address(), b = b_.address();
    if (op_ == "rms_norm") {
      device.launch(name_.c_str(), each_row, block, 0, x, a, length, EPSILON, y);
    } else if (op_ == "layer_norm") {
      device.launch(name_.c_str(), each_row, block, 0, x, a, b, length, EPSILON, y);
    } else if (op_ == "softmax") {
      device.launch(name_.c_str(), each_row, block, 0, x, length, y);
    } else if (op_ == "rope") {
      device.launch(name_.c_str(), {blocks_for(count / 2, kThreads)}, block, 0, x, a, b, rows_.rows, length,
                    static_cast<int32_t>(rows_.heads), static_cast<int32_t>(rows_.interleaved), y);
    } else if (op_ == "silu_mul") {
      device.launch(name_.c_str(), {blocks_for(count, kThreads)}, block, 0, x, second_.address(), count, y);
    } else {
      device.launch(name_.c_str(), {blocks_for(count, kThreads)}, block, 0, x, count, y);
    }
  }

  Rowwise rows_;
  std::string op_, name_;
  Buffer x_, y_, second_, a_, b_;
  std::vector<float> outputs_;
};

}  // namespace

std::unique_ptr<ops::Kernel> on_gpu(const Rowwise& rows, const char* op) { return std::make_unique<RowsKernel>(rows, op); }

}  // namespace ridgepoint::cuda
