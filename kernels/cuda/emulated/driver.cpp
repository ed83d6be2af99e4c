// A stand-in for libcuda.so.1: a GPU whose memory is the host's and whose kernels are the ones of this folder, compiled for
// the CPU. Device memory ends at a page that may not be touched, so a kernel or a copy that goes too far is found; argument
// blocks, limits of launches and images are checked as a driver would. CUDA_EMULATED_* make it fail in each known way:
//   _MISSING=device|driver   cuInit finds no device, or a driver too old
//   _FAIL=name:code          the function of that name returns that code
//   _CAPABILITY=90           compute capability, times ten (80)
//   _MEMORY=bytes            how much memory the device has (2 GiB)
//   _PTX=74                  the newest PTX version that it takes, times ten (90)
#include <sys/mman.h>
#include <unistd.h>

#include <cinttypes>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "block.h"
#include "entries.h"

#define API extern "C" __attribute__((visibility("default"))) int

namespace {

enum {
  kSuccess = 0, kInvalidValue = 1, kOutOfMemory = 2, kNotInitialized = 3, kNoDevice = 100, kInvalidDevice = 101,
  kInvalidImage = 200, kInvalidContext = 201, kNoBinary = 209, kUnsupportedPtx = 222, kInvalidHandle = 400,
  kNotFound = 500, kIllegalAddress = 700, kOutOfResources = 701, kLaunchFailed = 719, kSystemMismatch = 803
};

const std::map<int, const char*> kNames = {
    {0, "CUDA_SUCCESS"}, {1, "CUDA_ERROR_INVALID_VALUE"}, {2, "CUDA_ERROR_OUT_OF_MEMORY"},
    {3, "CUDA_ERROR_NOT_INITIALIZED"}, {100, "CUDA_ERROR_NO_DEVICE"}, {101, "CUDA_ERROR_INVALID_DEVICE"},
    {200, "CUDA_ERROR_INVALID_IMAGE"}, {201, "CUDA_ERROR_INVALID_CONTEXT"}, {209, "CUDA_ERROR_NO_BINARY_FOR_GPU"},
    {222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"}, {400, "CUDA_ERROR_INVALID_HANDLE"}, {500, "CUDA_ERROR_NOT_FOUND"},
    {700, "CUDA_ERROR_ILLEGAL_ADDRESS"}, {701, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"},
    {719, "CUDA_ERROR_LAUNCH_FAILED"}, {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"}};

struct Module {
  std::string text;  // of PTX; empty for machine code
};

struct Function {
  const emulated::Entry* entry;
  int shared_limit = 48 * 1024;
};

struct Event {
  double seconds = -1;
};

struct Allocation {
  size_t bytes;
  void* mapping;
  size_t mapped;
};

int context_object;
bool initialized = false, current_context = false;
std::map<uint64_t, Allocation> allocations;
size_t allocated = 0;
int sticky = 0;

const char* setting(const char* name) {
  const std::string full = std::string("CUDA_EMULATED_") + name;
  const char* value = getenv(full.c_str());
  return value != nullptr && *value != 0 ? value : nullptr;
}

long number(const char* name, long otherwise) {
  const char* value = setting(name);
  return value == nullptr ? otherwise : atol(value);
}

// The code that a function is told to fail with; 0 when it is not.
int told(const char* function) {
  const char* fail = setting("FAIL");
  const char* colon = fail == nullptr ? nullptr : strchr(fail, ':');
  if (colon == nullptr || strlen(function) != static_cast<size_t>(colon - fail)) return 0;
  return strncmp(fail, function, static_cast<size_t>(colon - fail)) == 0 ? atoi(colon + 1) : 0;
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

int usable(const char* function) {
  if (const int code = told(function)) return code;
  if (!initialized) return kNotInitialized;
  if (!current_context) return kInvalidContext;
  return sticky;
}

// Whether [at, at + bytes) lies in one allocation.
bool inside(uint64_t at, size_t bytes) {
  auto after = allocations.upper_bound(at);
  if (after == allocations.begin()) return false;
  const auto& found = *--after;
  return at + bytes <= found.first + found.second.bytes;
}

}  // namespace

#define USABLE                                       \
  do {                                               \
    if (const int code = usable(__func__)) return code; \
  } while (0)

API cuInit(unsigned flags) {
  if (const int code = told(__func__)) return code;
  if (flags != 0) return kInvalidValue;
  const char* missing = setting("MISSING");
  if (missing != nullptr) return strcmp(missing, "device") == 0 ? kNoDevice : kSystemMismatch;
  initialized = true;
  return kSuccess;
}
API cuDriverGetVersion(int* version) { *version = 12040; return kSuccess; }
API cuDeviceGetCount(int* count) { *count = 1; return initialized ? kSuccess : kNotInitialized; }
API cuDeviceGet(int* device, int ordinal) { *device = ordinal; return ordinal == 0 ? kSuccess : kInvalidDevice; }
API cuDeviceGetName(char* name, int length, int) { snprintf(name, static_cast<size_t>(length), "emulated on the CPU"); return kSuccess; }
API cuDeviceGetUuid_v2(unsigned char* uuid, int) { for (int i = 0; i < 16; i++) uuid[i] = static_cast<unsigned char>(i); return kSuccess; }
API cuDeviceTotalMem_v2(size_t* bytes, int) { *bytes = static_cast<size_t>(number("MEMORY", 2l << 30)); return kSuccess; }
API cuDeviceGetAttribute(int* value, int attribute, int) {
  const int capability = static_cast<int>(number("CAPABILITY", 80));
  const std::map<int, int> known = {{1, 1024}, {2, 1024}, {5, 2147483647}, {8, 49152}, {10, 32}, {13, 1000000}, {16, 1},
                                    {36, 1000000}, {37, 64}, {38, 65536}, {75, capability / 10}, {76, capability % 10}, {97, 166912}};
  const auto found = known.find(attribute);
  *value = found == known.end() ? 0 : found->second;
  return kSuccess;
}
API cuDevicePrimaryCtxRetain(void** context, int) {
  if (const int code = told(__func__)) return code;
  if (!initialized) return kNotInitialized;
  *context = &context_object;
  return kSuccess;
}
API cuDevicePrimaryCtxRelease_v2(int) { current_context = false; sticky = 0; return kSuccess; }
API cuCtxSetCurrent(void* context) {
  current_context = context == &context_object;
  return current_context || context == nullptr ? kSuccess : kInvalidContext;
}
API cuCtxSynchronize() { USABLE; return kSuccess; }

// Options: 3 the place, 4 the room for what the compiler of PTX has to say about an error.
API cuModuleLoadDataEx(void** module, const void* image, unsigned count, const int* options, void** values) {
  USABLE;
  const long capability = number("CAPABILITY", 80);
  const unsigned char* bytes = static_cast<const unsigned char*>(image);
  if (memcmp(bytes, "\x7f" "ELF", 4) == 0) {
    uint16_t machine;
    uint32_t flags;
    memcpy(&machine, bytes + 18, 2);
    memcpy(&flags, bytes + 48, 4);
    // The architecture lies in the lowest byte, and in the one above it since ABI 8.
    const bool same = (flags & 255) == static_cast<uint32_t>(capability) || (flags >> 8 & 255) == static_cast<uint32_t>(capability);
    if (machine != 190) return kInvalidImage;
    if (!same) return kNoBinary;
    *module = new Module{""};
    return kSuccess;
  }
  const char* text = static_cast<const char*>(image);
  int major = 0, minor = 0, target = 0;
  const char* version = strncmp(text, "//", 2) == 0 || text[0] == '.' ? strstr(text, ".version ") : nullptr;
  if (version == nullptr || sscanf(version, ".version %d.%d", &major, &minor) != 2) return kInvalidImage;
  const char* where = strstr(text, ".target sm_");
  if (where == nullptr || sscanf(where, ".target sm_%d", &target) != 1) return kInvalidImage;
  if (10 * major + minor > number("PTX", 90)) {
    for (unsigned i = 0; i < count; i++) {
      if (options[i] == 5) snprintf(static_cast<char*>(values[i]), 64, "Unsupported .version %d.%d", major, minor);
    }
    return kUnsupportedPtx;
  }
  if (target > capability) return kNoBinary;
  *module = new Module{text};
  return kSuccess;
}
API cuModuleUnload(void* module) { delete static_cast<Module*>(module); return kSuccess; }
API cuModuleGetFunction(void** function, void* module, const char* name) {
  USABLE;
  const std::string& text = static_cast<Module*>(module)->text;
  if (!text.empty() && text.find(std::string(".entry ") + name + "(") == std::string::npos) return kNotFound;
  for (const emulated::Entry& entry : emulated::entries()) {
    if (strcmp(entry.name, name) != 0) continue;
    *function = new Function{&entry};
    return kSuccess;
  }
  return kNotFound;
}
// Attribute 8 is the dynamic shared memory that the function may ask for.
API cuFuncSetAttribute(void* function, int attribute, int value) {
  if (attribute != 8 || value > 166912) return kInvalidValue;
  static_cast<Function*>(function)->shared_limit = value;
  return kSuccess;
}
API cuFuncGetParamInfo(void* function, size_t index, size_t* offset, size_t* bytes) {
  const auto& sizes = static_cast<Function*>(function)->entry->parameter_bytes;
  const auto& alignments = static_cast<Function*>(function)->entry->parameter_alignments;
  if (index >= sizes.size()) return kInvalidValue;
  size_t at = 0;
  for (size_t i = 0; i <= index; i++) {
    at = (at + alignments[i] - 1) / alignments[i] * alignments[i];
    if (i == index) break;
    at += sizes[i];
  }
  *offset = at;
  *bytes = sizes[index];
  return kSuccess;
}

API cuMemAlloc_v2(uint64_t* at, size_t bytes) {
  USABLE;
  if (bytes == 0) return kInvalidValue;
  if (allocated + bytes > static_cast<size_t>(number("MEMORY", 2l << 30))) return kOutOfMemory;
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t room = (bytes + page - 1) / page * page;
  void* mapping = mmap(nullptr, room + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) return kOutOfMemory;
  unsigned char* start = static_cast<unsigned char*>(mapping);
  mprotect(start, page, PROT_NONE);
  mprotect(start + page + room, page, PROT_NONE);
  // The buffer ends at the forbidden page, but for its alignment to 16.
  const uint64_t address = reinterpret_cast<uint64_t>(start) + page + room - (bytes + 15) / 16 * 16;
  memset(reinterpret_cast<void*>(address), 0xff, bytes);
  allocations[address] = {bytes, mapping, room + 2 * page};
  allocated += bytes;
  *at = address;
  return kSuccess;
}
API cuMemFree_v2(uint64_t at) {
  const auto found = allocations.find(at);
  if (found == allocations.end()) return kInvalidValue;
  munmap(found->second.mapping, found->second.mapped);
  allocated -= found->second.bytes;
  allocations.erase(found);
  return kSuccess;
}
API cuMemGetInfo_v2(size_t* left, size_t* total) {
  USABLE;
  *total = static_cast<size_t>(number("MEMORY", 2l << 30));
  *left = *total - allocated;
  return kSuccess;
}
API cuMemHostAlloc(void** at, size_t bytes, unsigned) { USABLE; *at = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096); return *at == nullptr ? kOutOfMemory : kSuccess; }
API cuMemFreeHost(void* at) { free(at); return kSuccess; }
API cuMemcpyHtoD_v2(uint64_t to, const void* from, size_t bytes) {
  USABLE;
  if (!inside(to, bytes)) return kInvalidValue;
  memcpy(reinterpret_cast<void*>(to), from, bytes);
  return kSuccess;
}
API cuMemcpyDtoH_v2(void* to, uint64_t from, size_t bytes) {
  USABLE;
  if (!inside(from, bytes)) return kInvalidValue;
  memcpy(to, reinterpret_cast<void*>(from), bytes);
  return kSuccess;
}
API cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t bytes, void*) { return cuMemcpyHtoD_v2(to, from, bytes); }
API cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t bytes, void*) { return cuMemcpyDtoH_v2(to, from, bytes); }
API cuMemsetD8_v2(uint64_t at, unsigned char value, size_t bytes) {
  USABLE;
  if (!inside(at, bytes)) return kInvalidValue;
  memset(reinterpret_cast<void*>(at), value, bytes);
  return kSuccess;
}

API cuLaunchKernel(void* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned shared, void* stream, void** parameters, void** extra) {
  USABLE;
  if (function == nullptr || stream != nullptr || extra != nullptr) return kInvalidHandle;
  const Function& called = *static_cast<Function*>(function);
  if (gx == 0 || gy == 0 || gz == 0 || bx == 0 || by == 0 || bz == 0 || gy > 65535 || gz > 65535) return kInvalidValue;
  if (bx > 1024 || by > 1024 || bz > 64 || bx * by * bz > 1024) return kInvalidValue;
  if (static_cast<int>(shared) > called.shared_limit) return kInvalidValue;
  for (size_t i = 0; i < called.entry->parameter_bytes.size(); i++) {
    if (parameters == nullptr || parameters[i] == nullptr) return kInvalidValue;
    if (reinterpret_cast<uint64_t>(parameters[i]) % called.entry->parameter_alignments[i] != 0) return kInvalidValue;
  }
  const char* problem = emulated::run_grid({gx, gy, gz}, {bx, by, bz}, shared,
                                           [&] { called.entry->call(*called.entry, parameters); });
  if (problem[0] == 0) return kSuccess;
  fprintf(stderr, "emulated CUDA: %s: %s\n", called.entry->name, problem);
  sticky = strstr(problem, "address") != nullptr ? kIllegalAddress : kLaunchFailed;
  return sticky;
}

API cuEventCreate(void** event, unsigned) { USABLE; *event = new Event(); return kSuccess; }
API cuEventRecord(void* event, void*) { USABLE; static_cast<Event*>(event)->seconds = now(); return kSuccess; }
API cuEventSynchronize(void* event) { USABLE; return static_cast<Event*>(event)->seconds < 0 ? kInvalidHandle : kSuccess; }
API cuEventElapsedTime(float* milliseconds, void* from, void* to) {
  USABLE;
  const double begin = static_cast<Event*>(from)->seconds, end = static_cast<Event*>(to)->seconds;
  if (begin < 0 || end < 0) return kInvalidHandle;
  *milliseconds = static_cast<float>(1e3 * (end - begin));
  return kSuccess;
}
API cuEventDestroy_v2(void* event) { delete static_cast<Event*>(event); return kSuccess; }

API cuGetErrorName(int code, const char** name) {
  const auto found = kNames.find(code);
  *name = found == kNames.end() ? nullptr : found->second;
  return found == kNames.end() ? kInvalidValue : kSuccess;
}

// Names of all kernels, one a line: what a stand-in for a PTX image has to list.
extern "C" __attribute__((visibility("default"))) const char* ridge_emulated_entries() {
  static std::string all;
  all.clear();
  for (const emulated::Entry& entry : emulated::entries()) all += std::string(entry.name) + "\n";
  return all.c_str();
}
