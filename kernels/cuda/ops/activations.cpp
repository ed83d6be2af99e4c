#include "cuda/ops/activations.h"

#include <cstring>

namespace ridgepoint::cuda {

namespace {
constexpr unsigned kThreads = 256;
}

Vectors::Vectors(const ops::LinearProblem& problem, ops::Unit unit)
    : type_(problem.weights.type),
      batch_(problem.batch),
      stride_(problem.weights.stride),
      given_(problem.x, static_cast<size_t>(problem.batch * problem.weights.stride) * sizeof(float)) {
  const auto count = static_cast<size_t>(batch_ * stride_);
  const bool tensor = unit == ops::Unit::matrix;
  if (type_ == ops::Type::f16 && tensor) kernel_ = "round_to_f16", bytes_of_number_ = 2;
  if (type_ == ops::Type::bf16) kernel_ = tensor ? "round_to_bf16" : "round_like_bf16", bytes_of_number_ = tensor ? 2 : 4;
  if (type_ == ops::Type::int8) kernel_ = "round_rows_to_int8", bytes_of_number_ = 1;
  if (type_ == ops::Type::int4) kernel_ = tensor ? "round_blocks_to_f16" : "round_blocks_to_int8", bytes_of_number_ = tensor ? 2 : 1;
  if (kernel_ != nullptr) rounded_ = Buffer(count * static_cast<size_t>(bytes_of_number_));
  if (type_ == ops::Type::int8) scales_ = Buffer(static_cast<size_t>(batch_) * sizeof(float));
  if (type_ == ops::Type::int4 && !tensor) scales_ = Buffer(count / ops::kBlock * sizeof(float));
}

Address Vectors::numbers(int64_t vector) const {
  const Buffer& used = kernel_ != nullptr ? rounded_ : given_;
  return used.address() + static_cast<Address>(vector * stride_ * bytes_of_number_);
}

Address Vectors::scales(int64_t vector) const {
  if (scales_.bytes() == 0) return 0;
  const int64_t each = type_ == ops::Type::int8 ? 1 : stride_ / ops::kBlock;
  return scales_.address() + static_cast<Address>(vector * each * 4);
}

void Vectors::start() const {
  if (kernel_ == nullptr) return;
  Device& device = Device::get();
  const int64_t count = batch_ * stride_, blocks = count / ops::kBlock;
  const Size grid = {blocks_for(count, kThreads)}, warps = {blocks_for(blocks, kThreads / 32)}, block = {kThreads};
  const std::string name = kernel_;
  if (name == "round_rows_to_int8") {
    device.launch(kernel_, {static_cast<unsigned>(batch_)}, block, 0, given_.address(), static_cast<int32_t>(stride_),
                  rounded_.address(), scales_.address());
  } else if (name == "round_blocks_to_int8") {
    device.launch(kernel_, warps, block, 0, given_.address(), blocks, rounded_.address(), scales_.address());
  } else if (name == "round_blocks_to_f16") {
    device.launch(kernel_, warps, block, 0, given_.address(), blocks, rounded_.address());
  } else {
    device.launch(kernel_, grid, block, 0, given_.address(), count, rounded_.address());
  }
}

}  // namespace ridgepoint::cuda
