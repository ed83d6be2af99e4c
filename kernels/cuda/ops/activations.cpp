#include "cuda/ops/activations.h"

namespace ridgepoint::cuda {

namespace {
constexpr unsigned kThreads = 256;
}

Vectors::Vectors(const ops::LinearProblem& problem)
    : type_(problem.weights.type),
      batch_(problem.batch),
      stride_(problem.weights.stride),
      given_(problem.x, static_cast<size_t>(problem.batch * problem.weights.stride) * sizeof(float)) {
  const auto count = static_cast<size_t>(batch_ * stride_);
  if (type_ == ops::Type::bf16) rounded_ = Buffer(count * sizeof(float));
  if (type_ == ops::Type::int8 || type_ == ops::Type::int4) rounded_ = Buffer(count);
  if (type_ == ops::Type::int8) scales_ = Buffer(static_cast<size_t>(batch_) * sizeof(float));
  if (type_ == ops::Type::int4) scales_ = Buffer(count / ops::kBlock * sizeof(float));
}

void Vectors::start() const {
  Device& device = Device::get();
  const int64_t count = batch_ * stride_;
  if (type_ == ops::Type::bf16) {
    device.launch("round_like_bf16", {blocks_for(count, kThreads)}, {kThreads}, 0, given_.address(), count, rounded_.address());
  } else if (type_ == ops::Type::int8) {
    device.launch("round_rows_to_int8", {static_cast<unsigned>(batch_)}, {kThreads}, 0, given_.address(),
                  static_cast<int32_t>(stride_), rounded_.address(), scales_.address());
  } else if (type_ == ops::Type::int4) {
    const int64_t blocks = count / ops::kBlock;
    device.launch("round_blocks_to_int8", {blocks_for(blocks, kThreads / 32)}, {kThreads}, 0, given_.address(), blocks,
                  rounded_.address(), scales_.address());
  }
}

}  // namespace ridgepoint::cuda
