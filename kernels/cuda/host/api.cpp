#include "cuda/host/api.h"

#include <cstdlib>
#include <string>

#include "cuda/host/device.h"

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace ridgepoint::cuda {

namespace {

#if defined(_WIN32)
const char* const kLibrary = "nvcuda.dll";
void* open_library(const char* path) { return reinterpret_cast<void*>(LoadLibraryA(path)); }
void* find(void* library, const char* name) {
  return reinterpret_cast<void*>(GetProcAddress(static_cast<HMODULE>(library), name));
}
#else
const char* const kLibrary = "libcuda.so.1";
void* open_library(const char* path) { return dlopen(path, RTLD_NOW | RTLD_LOCAL); }
void* find(void* library, const char* name) { return dlsym(library, name); }
#endif

Api open() {
  // For tests: another driver, such as the one that emulates a GPU.
  const char* given = std::getenv("RIDGEPOINT_CUDA_DRIVER");
  const std::string path = given != nullptr && *given != 0 ? given : kLibrary;
  void* library = open_library(path.c_str());
  if (library == nullptr) throw Unavailable("no NVIDIA driver: " + path + " was not found");
  Api api;
#define RIDGE_CUDA_FIND(name, parameters)                                                          \
  api.name = reinterpret_cast<decltype(api.name)>(find(library, #name));                           \
  if (api.name == nullptr) throw Unavailable(path + " is too old a driver: it has no " #name);
  RIDGE_CUDA_FUNCTIONS(RIDGE_CUDA_FIND)
#undef RIDGE_CUDA_FIND
  api.cuFuncGetParamInfo = reinterpret_cast<decltype(api.cuFuncGetParamInfo)>(find(library, "cuFuncGetParamInfo"));
  return api;
}

}  // namespace

const Api& api() {
  static const Api opened = open();
  return opened;
}

}  // namespace ridgepoint::cuda
