#include "cuda/host/device.h"

#include <cstring>
#include <utility>

#include "cuda/host/images.h"

namespace ridgepoint::cuda {

namespace {

// Kernels use what compute capability 8.0 brought: asynchronous copies, products of bf16 and tf32.
constexpr int kLeastCapability = 80;
// CUfunction_attribute: the dynamic shared memory that a function may ask for. Up to 48 KiB none has to ask.
constexpr int kSharedAttribute = 8;
constexpr unsigned kSharedUnasked = 48 * 1024;
// What the spinning kernel waits, so that all that is timed is queued before the first of it starts.
constexpr int64_t kSpinNanoseconds = 20000;

constexpr size_t kSentinel = 256;
constexpr unsigned char kSentinelByte = 0xa5;

std::string error_name(int code) {
  const char* name = nullptr;
  if (api().cuGetErrorName(code, &name) == 0 && name != nullptr) return name;
  return "CUDA error " + std::to_string(code);
}

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string init_problem(int code) {
  if (code == kNoDevice) return "the NVIDIA driver is installed but sees no GPU";
  if (code == kDriverMismatch) return "the NVIDIA driver and its kernel module are of different releases; restart the machine";
  return "the NVIDIA driver does not start: " + error_name(code);
}

}  // namespace

void need(int code, const std::string& what) {
  if (code != 0) throw Failed(what + ": " + error_name(code));
}

Device& Device::get() {
  static Device device;
  need(api().cuCtxSetCurrent(device.context_), "cuCtxSetCurrent");
  return device;
}

const std::string& Device::absent() {
  static const std::string reason = [] {
    try {
      get();
      return std::string();
    } catch (const std::exception& error) {
      return "CUDA unavailable: " + std::string(error.what());
    }
  }();
  return reason;
}

Device::Device() {
  const Api& cuda = api();
  if (const int code = cuda.cuInit(0)) throw Unavailable(init_problem(code));
  int count = 0;
  need(cuda.cuDriverGetVersion(&driver_version_), "cuDriverGetVersion");
  need(cuda.cuDeviceGetCount(&count), "cuDeviceGetCount");
  if (count == 0) throw Unavailable(init_problem(kNoDevice));
  need(cuda.cuDeviceGet(&ordinal_, 0), "cuDeviceGet");
  char name[256] = {};
  need(cuda.cuDeviceGetName(name, sizeof name, ordinal_), "cuDeviceGetName");
  name_ = name;
  capability_ = 10 * attribute(kMajor) + attribute(kMinor);
  if (capability_ < kLeastCapability) {
    throw Unavailable(name_ + " has compute capability " + std::to_string(capability_ / 10) + "." +
                      std::to_string(capability_ % 10) + ", and the kernels need 8.0 or more");
  }
  need(cuda.cuDevicePrimaryCtxRetain(&context_, ordinal_), "cuDevicePrimaryCtxRetain on " + name_);
  need(cuda.cuCtxSetCurrent(context_), "cuCtxSetCurrent");
  load_image();
  need(cuda.cuEventCreate(&begin_, 0), "cuEventCreate");
  need(cuda.cuEventCreate(&end_, 0), "cuEventCreate");
}

int Device::attribute(int which) const {
  int value = 0;
  need(api().cuDeviceGetAttribute(&value, which, ordinal_), "cuDeviceGetAttribute");
  return value;
}

size_t Device::memory_bytes() const {
  size_t bytes = 0;
  need(api().cuDeviceTotalMem_v2(&bytes, ordinal_), "cuDeviceTotalMem");
  return bytes;
}

// Machine code for this very architecture first, then PTX, which the driver compiles.
void Device::load_image() {
  std::string said;
  for (const Image& image : images_for(capability_)) {
    char log[1024] = {};
    // CU_JIT_ERROR_LOG_BUFFER and its size, which is a number in a pointer's place.
    const int options[] = {5, 6};
    void* values[] = {log, reinterpret_cast<void*>(sizeof log)};
    const int code = api().cuModuleLoadDataEx(&module_, image.bytes.data(), 2, options, values);
    if (code == 0) {
      image_ = image.name;
      return;
    }
    log[sizeof log - 1] = 0;
    said += (said.empty() ? "" : "; ") + image.name + ": " + error_name(code) + (log[0] != 0 ? " (" + std::string(log) + ")" : "");
    if (code == kUnsupportedPtx) said += ", so the driver, which is for CUDA " + version_text(driver_version_) + ", is too old for it";
  }
  throw Unavailable(said.empty() ? no_images() : "no image of the kernels loads on " + name_ + ": " + said);
}

Device::Function& Device::function(const char* kernel, const size_t* bytes, size_t count) {
  const auto known = functions_.find(kernel);
  if (known != functions_.end()) return known->second;
  const Api& cuda = api();
  Handle handle = nullptr;
  need(cuda.cuModuleGetFunction(&handle, module_, kernel), std::string("the kernel ") + kernel + " in " + image_);
  // The driver cannot know what a pointer points at; where it tells of the parameters, their number and sizes are compared.
  if (cuda.cuFuncGetParamInfo != nullptr) {
    for (size_t i = 0; i <= count; i++) {
      size_t offset = 0, size = 0;
      const bool there = cuda.cuFuncGetParamInfo(handle, i, &offset, &size) == 0;
      if (there != (i < count) || (there && size != bytes[i])) {
        throw Failed(std::string("the kernel ") + kernel + " has other parameters than it is called with, from number " +
                     std::to_string(i) + " on: " + image_ + " is of another release");
      }
    }
  }
  return functions_[kernel] = {handle, kSharedUnasked};
}

void Device::start(const char* kernel, Size grid, Size block, unsigned shared_bytes, void** arguments, const size_t* bytes,
                   size_t count) {
  Function& found = function(kernel, bytes, count);
  if (shared_bytes > found.shared_bytes) {
    need(api().cuFuncSetAttribute(found.handle, kSharedAttribute, static_cast<int>(shared_bytes)),
         std::to_string(shared_bytes) + " bytes of shared memory for " + kernel);
    found.shared_bytes = shared_bytes;
  }
  last_kernel_ = kernel;
  need(api().cuLaunchKernel(found.handle, grid.x, grid.y, grid.z, block.x, block.y, block.z, shared_bytes, nullptr, arguments,
                            nullptr),
       std::string("starting ") + kernel);
}

void Device::wait() { need(api().cuCtxSynchronize(), "after " + last_kernel_); }

void Device::begin_timing() {
  launch("spin", {}, {}, 0, kSpinNanoseconds);
  need(api().cuEventRecord(begin_, nullptr), "cuEventRecord");
}

double Device::end_timing() {
  need(api().cuEventRecord(end_, nullptr), "cuEventRecord");
  need(api().cuEventSynchronize(end_), "after " + last_kernel_);
  float milliseconds = 0;
  need(api().cuEventElapsedTime(&milliseconds, begin_, end_), "cuEventElapsedTime");
  return 1e6 * static_cast<double>(milliseconds);
}

Buffer::Buffer(size_t bytes) : bytes_(bytes) {
  Device::get();
  const size_t room = (bytes + kSentinel - 1) / kSentinel * kSentinel;
  const int code = api().cuMemAlloc_v2(&start_, room + 2 * kSentinel);
  if (code == kOutOfMemory) {
    size_t left = 0, all = 0;
    api().cuMemGetInfo_v2(&left, &all);
    throw Failed("the GPU has no memory for " + std::to_string(bytes) + " bytes: " + std::to_string(left) + " of " +
                 std::to_string(all) + " are free; ask for a smaller shape");
  }
  need(code, "cuMemAlloc");
  need(api().cuMemsetD8_v2(start_, kSentinelByte, room + 2 * kSentinel), "cuMemsetD8");
  poison();
}

Buffer::Buffer(const void* from, size_t bytes) : Buffer(bytes) {
  if (bytes > 0) need(api().cuMemcpyHtoD_v2(address(), from, bytes), "a copy to the GPU");
}

Buffer::~Buffer() {
  if (start_ != 0) api().cuMemFree_v2(start_);
}

Buffer::Buffer(Buffer&& other) noexcept : start_(std::exchange(other.start_, 0)), bytes_(std::exchange(other.bytes_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(start_, other.start_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Address Buffer::address() const { return start_ == 0 ? 0 : start_ + kSentinel; }

void Buffer::poison() {
  if (bytes_ > 0) need(api().cuMemsetD8_v2(address(), 0xff, bytes_), "cuMemsetD8");
}

void Buffer::read(void* to) const {
  if (bytes_ > 0) need(api().cuMemcpyDtoH_v2(to, address(), bytes_), "a copy from the GPU");
}

bool Buffer::damaged() const {
  if (start_ == 0) return false;
  const size_t behind = (bytes_ + kSentinel - 1) / kSentinel * kSentinel - bytes_ + kSentinel;
  std::vector<unsigned char> found(kSentinel + behind);
  need(api().cuMemcpyDtoH_v2(found.data(), start_, kSentinel), "a copy from the GPU");
  need(api().cuMemcpyDtoH_v2(found.data() + kSentinel, address() + bytes_, behind), "a copy from the GPU");
  for (unsigned char byte : found) {
    if (byte != kSentinelByte) return true;
  }
  return false;
}

Pinned::Pinned(size_t bytes) {
  Device::get();
  need(api().cuMemHostAlloc(&data_, bytes, 0), "cuMemHostAlloc");
  std::memset(data_, 0, bytes);
}

Pinned::~Pinned() { api().cuMemFreeHost(data_); }

}  // namespace ridgepoint::cuda
