#include "cuda/ops/device_kernel.h"

#include "cuda/ops/bind.h"

namespace ridgepoint::cuda {

DeviceKernel::DeviceKernel(int64_t floats, float* host) : output_(static_cast<size_t>(floats) * sizeof(float)), host_(host) {}

void DeviceKernel::run(Pool&) {
  Device::get();
  output_.poison();
  for (auto& buffer : scratch_) buffer->poison();
  start();
  Device::get().wait();
}

const float* DeviceKernel::output() {
  output_.read(host_);
  bool damaged = output_.damaged();
  for (const auto& buffer : scratch_) damaged |= buffer->damaged();
  if (damaged) throw Failed("a CUDA kernel wrote beside its memory");
  return host_;
}

double DeviceKernel::timed(Pool&) {
  return Device::get().timed([this] { start(); });
}

Buffer& DeviceKernel::scratch(size_t bytes) {
  scratch_.push_back(std::make_unique<Buffer>(bytes));
  return *scratch_.back();
}

std::string absent() { return Device::absent(); }

size_t cache_bytes() { return static_cast<size_t>(Device::get().attribute(kCacheBytes)); }

}  // namespace ridgepoint::cuda
