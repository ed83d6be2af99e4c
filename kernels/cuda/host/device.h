// One GPU of this machine, through the CUDA driver: memory, images, launches and events. The process has one; calls may
// come from any thread, one at a time.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "cuda/host/api.h"

namespace ridgepoint::cuda {

// There is no GPU that these kernels can use; what() is the sentence.
struct Unavailable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A call failed; what() names the call and the driver's error. After an error of a kernel the process gets no other.
struct Failed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// @throws Failed with the driver's name for the code, when it is not 0.
void need(int code, const std::string& what);

struct Size {
  unsigned x = 1, y = 1, z = 1;
};

class Device {
 public:
  // The GPU that CUDA_VISIBLE_DEVICES puts first. Opened at the first call, with the context current in this thread.
  // @throws Unavailable
  static Device& get();
  // Empty when get() gives a device, or why not. Never throws.
  static const std::string& absent();

  const std::string& name() const { return name_; }
  // Compute capability times ten.
  int capability() const { return capability_; }
  int driver_version() const { return driver_version_; }
  const std::string& image() const { return image_; }
  int attribute(int which) const;
  size_t memory_bytes() const;

  // Starts a kernel on the default stream. The arguments' types are those of its parameters.
  // @throws Failed
  template <class... A>
  void launch(const char* kernel, Size grid, Size block, unsigned shared_bytes, A... arguments) {
    static_assert((std::is_trivially_copyable_v<A> && ...), "arguments are copied as bytes");
    void* block_of_arguments[sizeof...(A) + 1] = {&arguments..., nullptr};
    const size_t bytes[sizeof...(A) + 1] = {sizeof(A)..., 0};
    start(kernel, grid, block, shared_bytes, block_of_arguments, bytes, sizeof...(A));
  }
  // @throws Failed with the error of any kernel since the last wait.
  void wait();
  // Nanoseconds on the device from the first to the last of what `work` starts.
  template <class Work>
  double timed(const Work& work) {
    begin_timing();
    work();
    return end_timing();
  }

 private:
  struct Function {
    Handle handle;
    unsigned shared_bytes;
  };
  Device();
  void load_image();
  Function& function(const char* kernel, const size_t* bytes, size_t count);
  void start(const char* kernel, Size grid, Size block, unsigned shared_bytes, void** arguments, const size_t* bytes,
             size_t count);
  void begin_timing();
  double end_timing();

  std::string name_, image_, last_kernel_;
  int ordinal_ = 0, capability_ = 0, driver_version_ = 0;
  Handle context_ = nullptr, module_ = nullptr, begin_ = nullptr, end_ = nullptr;
  std::map<std::string, Function> functions_;
};

// Memory of the device, between two sentinels.
class Buffer {
 public:
  Buffer() = default;
  // Filled with bytes of ones, which are NaN in every float type.
  // @throws Failed
  explicit Buffer(size_t bytes);
  Buffer(const void* from, size_t bytes);
  template <class T>
  explicit Buffer(const std::vector<T>& from) : Buffer(from.data(), from.size() * sizeof(T)) {}
  ~Buffer();
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;

  Address address() const;
  size_t bytes() const { return bytes_; }
  void poison();
  void read(void* to) const;
  // Whether something was written before or behind it.
  bool damaged() const;

 private:
  Address start_ = 0;
  size_t bytes_ = 0;
};

// Memory of the host that the device reads and writes by itself.
class Pinned {
 public:
  explicit Pinned(size_t bytes);
  ~Pinned();
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;
  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
};

// A pointer as a kernel's argument.
struct At {
  Address address;
  At(const Buffer& buffer) : address(buffer.address()) {}
  At(std::nullptr_t) : address(0) {}
};

}  // namespace ridgepoint::cuda
