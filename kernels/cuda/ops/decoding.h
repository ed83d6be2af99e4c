// One pass of attention of single tokens over a cache on the GPU, and its merge: what the decoding ops are made of.
#pragma once

#include "cuda/arguments.h"
#include "cuda/ops/device_kernel.h"

namespace ridgepoint::cuda {

class Decoding {
 public:
  // d: all but parts, tops and splits. splits: 0 = as many as keep the GPU busy.
  // @throws std::runtime_error for lengths that the kernels do not take.
  Decoding(const DecodeArguments& d, int64_t batch, ops::Type type, int64_t splits);
  // outputs: [batch * heads][value_length]
  void start(const Buffer& outputs);
  DecodeArguments arguments;

 private:
  int64_t batch_;
  std::string kernel_;
  unsigned heads_of_block_, shared_bytes_;
  Buffer parts_, tops_;
};

// An address as a kernel's struct has it.
template <class T>
T* pointer(const Buffer& buffer) {
  return reinterpret_cast<T*>(buffer.address());
}

}  // namespace ridgepoint::cuda
