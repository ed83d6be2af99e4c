// A variant of an op that runs on the GPU.
#pragma once

#include "cuda/host/device.h"
#include "ops/op.h"

namespace ridgepoint::cuda {

// What all of them share: the output comes back from device memory that is poisoned again, sentinels are looked at, and time
// is the device's own.
class DeviceKernel : public ops::Kernel {
 public:
  // host: room for the output's `floats`, which is all that the check looks at.
  DeviceKernel(int64_t floats, float* host);
  void run(Pool& pool) final;
  // @throws Failed when a kernel wrote beside its output.
  const float* output() final;
  double timed(Pool& pool) final;

 protected:
  // Starts all kernels of one run; does not wait.
  virtual void start() = 0;
  // Memory that a kernel writes and that is nobody's output.
  Buffer& scratch(size_t bytes);
  Buffer output_;

 private:
  float* host_;
  std::vector<std::unique_ptr<Buffer>> scratch_;
};

// Blocks of `each` that cover `count`.
constexpr unsigned blocks_for(int64_t count, int64_t each) { return static_cast<unsigned>((count + each - 1) / each); }

}  // namespace ridgepoint::cuda
