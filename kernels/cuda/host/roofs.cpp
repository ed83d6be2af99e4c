// Ceilings of a GPU: each is measured by a kernel that does nothing else, whose result is looked at first.
#include <chrono>
#include <cmath>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "cuda/cuda.h"
#include "cuda/host/device.h"

namespace ridgepoint::cuda {
namespace {

constexpr unsigned kThreads = 256;
// Blocks for each multiprocessor: enough warps that memory and pipelines never wait for work.
constexpr unsigned kBlocks = 8;
constexpr int kWarmups = 3;

const char* const kWrong = " gives a wrong result on this GPU; its time would mean nothing";

Size whole_device() { return {static_cast<unsigned>(Device::get().attribute(kProcessors)) * kBlocks, 1, 1}; }

// Runs `work` and looks at it, then times it. `amount` is bytes or operations of one run.
void measure(const std::function<void()>& work, double amount, int32_t repeats, double* out) {
  Device& device = Device::get();
  for (int i = 0; i < kWarmups; i++) work();
  for (int32_t i = 0; i < repeats; i++) out[i] = amount / (1e-9 * device.timed(work));
}

std::vector<float> floats_of(const Buffer& buffer) {
  std::vector<float> values(buffer.bytes() / sizeof(float));
  buffer.read(values.data());
  return values;
}

bool all_equal(const Buffer& buffer, float wanted) {
  for (float value : floats_of(buffer)) {
    if (value != wanted) return false;
  }
  return !buffer.damaged();
}

std::string stream(const std::string& access, int64_t bytes, int32_t repeats, double* out) {
  const int arrays = access == "copy" ? 2 : access == "triad" ? 3 : 1;
  if (access != "read" && access != "write" && access != "copy" && access != "triad") return "there is no access " + access;
  const int64_t each = bytes / arrays / 16 * 16;
  if (each < 16 || each / 16 > UINT32_MAX) return std::to_string(bytes) + " bytes are too few or too many for a stream";
  Device& device = Device::get();
  const Size grid = whole_device();
  const uint32_t count = static_cast<uint32_t>(each / 16);
  const std::vector<float> ones(static_cast<size_t>(each) / 4, 1.0f);
  Buffer a(ones), b, to, sums(sizeof(float) * grid.x * kThreads);
  if (access == "triad") b = Buffer(ones);
  if (access != "read") to = Buffer(static_cast<size_t>(each));
  const std::function<void()> work = [&] {
    if (access == "read") device.launch("stream_read", grid, {kThreads}, 0, a.address(), count, sums.address());
    if (access == "write") device.launch("stream_write", grid, {kThreads}, 0, to.address(), count, 2.0f);
    if (access == "copy") device.launch("stream_copy", grid, {kThreads}, 0, a.address(), to.address(), count);
    if (access == "triad") {
      device.launch("stream_triad", grid, {kThreads}, 0, a.address(), b.address(), 2.0f, to.address(), count);
    }
  };
  work();
  device.wait();
  double sum = 0;
  for (float value : floats_of(sums)) sum += value;
  const bool right = access == "read"    ? sum == static_cast<double>(each) / 4 && !sums.damaged()
                     : access == "write" ? all_equal(to, 2)
                     : access == "copy"  ? all_equal(to, 1)
                                         : all_equal(to, 3);
  if (!right) return "the stream kernel for " + access + kWrong;
  measure(work, static_cast<double>(each) * arrays, repeats, out);
  return "";
}

// How a peak is measured: the operand that is 1, the size of a sum, and operations for each round of a thread or a warp.
struct Peak {
  const char* kind;
  const char* kernel;
  uint64_t one;
  int operand_bytes;
  int sum_bytes;
  bool whole_numbers;
  bool matrix;
  // Of one round: vector kinds a thread, matrix kinds a warp, and those of warpgroups four warps.
  double operations;
  unsigned shared_bytes = 0;
};

constexpr int kChains = 8;
constexpr int kTiles = 4;
// Rounds of the check: a multiple of 4, and so few that sums are exact in every type.
constexpr int32_t kExactRounds = 16;
// A product of 16 x 8 by 32 bytes.
constexpr double product_operations(int element_bytes) { return 2.0 * 16 * 8 * 32 / element_bytes * kTiles; }
// A quarter of a product of 64 x 128 by 32 bytes.
constexpr double warpgroup_operations(int element_bytes) { return 2.0 * 64 * 128 * 32 / element_bytes / 4; }

const Peak kPeaks[] = {
    {"f64", "peak_f64", 0x3ff0000000000000ull, 8, 8, false, false, 2 * kChains},
    {"f32", "peak_f32", 0x3f800000, 4, 4, false, false, 2 * kChains},
    {"f16", "peak_f16", 0x3c003c00, 4, 4, true, false, 4 * kChains},
    {"bf16", "peak_bf16", 0x3f803f80, 4, 4, true, false, 4 * kChains},
    {"int8", "peak_int8", 0x01010101, 4, 4, true, false, 8 * kChains},
    {"matrix-f16", "peak_matrix_f16", 0x3c003c00, 4, 4, false, true, product_operations(2)},
    {"matrix-bf16", "peak_matrix_bf16", 0x3f803f80, 4, 4, false, true, product_operations(2)},
    {"matrix-tf32", "peak_matrix_tf32", 0x3f800000, 4, 4, false, true, product_operations(4)},
    {"matrix-int8", "peak_matrix_int8", 0x01010101, 4, 4, true, true, product_operations(1)},
    {"matrix-fp8", "peak_matrix_fp8", 0x38383838, 4, 4, false, true, product_operations(1)},
    // Of 64 x 128 by 32 bytes: only the machine code for 9.0 has them.
    {"matrix-f16", "peak_warpgroup_f16", 0x3c003c00, 4, 4, false, true, warpgroup_operations(2), 8192},
    {"matrix-bf16", "peak_warpgroup_bf16", 0x3f803f80, 4, 4, false, true, warpgroup_operations(2), 8192},
    {"matrix-tf32", "peak_warpgroup_tf32", 0x3f800000, 4, 4, false, true, warpgroup_operations(4), 8192},
    {"matrix-int8", "peak_warpgroup_int8", 0x01010101, 4, 4, true, true, warpgroup_operations(1), 8192},
    {"matrix-fp8", "peak_warpgroup_fp8", 0x38383838, 4, 4, false, true, warpgroup_operations(1), 8192},
};

bool has_warpgroups() {
  return Device::get().capability() == 90 && Device::get().image().find(".cubin") != std::string::npos;
}

// The last that this device has: those of warpgroups are faster than those of warps.
const Peak* peak_of(const std::string& kind) {
  const Peak* found = nullptr;
  for (const Peak& known : kPeaks) {
    if (kind == known.kind && (known.shared_bytes == 0 || has_warpgroups())) found = &known;
  }
  return found;
}

// What every sum is after so many rounds of 1 * 1.
uint64_t expected_sum(const Peak& peak, int rounds) {
  const std::string kind = peak.kind;
  const int each = kind == "int8" ? 4 : peak.matrix ? (kind == "matrix-tf32" ? 8 : kind.find("16") != std::string::npos ? 16 : 32) : 1;
  const float value = static_cast<float>(each * rounds);
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  if (kind == "f64") {
    const double wide = value;
    uint64_t both;
    memcpy(&both, &wide, sizeof both);
    return both;
  }
  if (kind == "bf16") return static_cast<uint64_t>(bits >> 16) << 16 | bits >> 16;
  if (kind == "f16") {
    // A normal half: its exponent has another offset, its fraction fewer bits.
    const uint64_t half = ((bits >> 23) - 112) << 10 | (bits >> 13 & 1023);
    return half << 16 | half;
  }
  return peak.whole_numbers ? static_cast<uint64_t>(each * rounds) : bits;
}

void launch_peak(const Peak& peak, Size grid, int32_t rounds, const Buffer& out) {
  Device& device = Device::get();
  if (peak.operand_bytes == 8) {
    double one;
    memcpy(&one, &peak.one, sizeof one);
    return device.launch(peak.kernel, grid, {kThreads}, peak.shared_bytes, one, one, rounds, out.address());
  }
  const uint32_t one = static_cast<uint32_t>(peak.one);
  device.launch(peak.kernel, grid, {kThreads}, peak.shared_bytes, one, one, rounds, out.address());
}

bool sums_are(const Peak& peak, const Buffer& out, uint64_t wanted) {
  std::vector<unsigned char> bytes(out.bytes());
  out.read(bytes.data());
  const size_t size = static_cast<size_t>(peak.sum_bytes);
  for (size_t i = 0; i < bytes.size() / size; i++) {
    uint64_t got = 0;
    memcpy(&got, bytes.data() + i * size, size);
    // Vector kinds: each sum is followed by the number of chains that differ from it.
    if (got != (!peak.matrix && i % 2 == 1 ? 0 : wanted)) return false;
  }
  return !out.damaged();
}

std::string peak_problem(const std::string& kind, int32_t repeats, double* out) {
  const Peak* peak = peak_of(kind);
  if (peak == nullptr) return "there is no peak of " + kind;
  Device& device = Device::get();
  if (kind == "matrix-fp8" && device.capability() < 89) {
    return device.name() + " has no products of fp8: they need compute capability 8.9";
  }
  if (kind == "matrix-fp8" && device.image().find(".ptx") != std::string::npos) {
    return "products of fp8 are only in the machine code for 8.9 and 9.0, and " + device.name() + " runs the PTX for 8.0";
  }
  const Size grid = whole_device();
  const size_t threads = static_cast<size_t>(grid.x) * kThreads;
  Buffer sums(threads * static_cast<size_t>(peak->sum_bytes) * (peak->matrix ? 4 * kTiles : 2));
  launch_peak(*peak, grid, kExactRounds, sums);
  device.wait();
  if (!sums_are(*peak, sums, expected_sum(*peak, kExactRounds))) return "the kernel for the peak of " + kind + kWrong;
  // Rounds for a few milliseconds, found by doubling.
  int32_t rounds = kExactRounds;
  while (rounds < 1 << 22 && device.timed([&] { launch_peak(*peak, grid, rounds, sums); }) < 3e6) rounds *= 2;
  const double each = peak->operations * (peak->matrix ? 1.0 / 32 : 1.0);
  measure([&] { launch_peak(*peak, grid, rounds, sums); }, each * static_cast<double>(threads) * rounds, repeats, out);
  return "";
}

void launches(int32_t repeats, double* out) {
  Device& device = Device::get();
  const auto once = [&] {
    const auto begin = std::chrono::steady_clock::now();
    device.launch("empty_kernel", {}, {32}, 0);
    device.wait();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  for (int i = 0; i < kWarmups; i++) once();
  for (int32_t i = 0; i < repeats; i++) out[i] = once();
}

std::string link(const std::string& direction, int64_t bytes, int32_t repeats, double* out) {
  const bool down = direction == "host-to-device";
  if (!down && direction != "device-to-host") return "there is no link " + direction;
  if (bytes < 4) return "a link needs some bytes to carry";
  const size_t size = static_cast<size_t>(bytes);
  Pinned host(size);
  Buffer device(size);
  const auto to_device = [&] { need(api().cuMemcpyHtoDAsync_v2(device.address(), host.data(), size, nullptr), "a copy to the GPU"); };
  const auto to_host = [&] { need(api().cuMemcpyDtoHAsync_v2(host.data(), device.address(), size, nullptr), "a copy from the GPU"); };
  unsigned char* first = static_cast<unsigned char*>(host.data());
  memset(first, 0x5a, size);
  to_device();
  Device::get().wait();
  memset(first, 0, size);
  to_host();
  Device::get().wait();
  for (size_t i = 0; i < size; i++) {
    if (first[i] != 0x5a) return "copies to the GPU and back do not give what was sent";
  }
  if (down) {
    measure(to_device, static_cast<double>(bytes), repeats, out);
  } else {
    measure(to_host, static_cast<double>(bytes), repeats, out);
  }
  return "";
}

// Null for an empty sentence; the text outlives the call.
const char* told(const std::function<std::string()>& work) {
  static thread_local std::string text;
  try {
    text = Device::absent().empty() ? work() : Device::absent();
  } catch (const std::exception& error) {
    text = error.what();
  }
  return text.empty() ? nullptr : text.c_str();
}

}  // namespace
}  // namespace ridgepoint::cuda

using namespace ridgepoint::cuda;

const char* ridge_cuda_stream(const char* access, int64_t bytes, int32_t repeats, double* out) {
  return told([&] { return stream(access, bytes, repeats, out); });
}

const char* ridge_cuda_peak(const char* kind, int32_t repeats, double* out) {
  return told([&] { return peak_problem(kind, repeats, out); });
}

const char* ridge_cuda_launch(int32_t repeats, double* out) {
  return told([&] {
    launches(repeats, out);
    return std::string();
  });
}

const char* ridge_cuda_link(const char* direction, int64_t bytes, int32_t repeats, double* out) {
  return told([&] { return link(direction, bytes, repeats, out); });
}
