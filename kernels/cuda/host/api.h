// The functions of libcuda.so.1 that are used, opened at run time: no toolkit and no headers of NVIDIA's are needed.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ridgepoint::cuda {

using Handle = void*;
// An address on the device.
using Address = uint64_t;

// Names as the library exports them; versions as CUDA 11 has them, which later drivers keep.
#define RIDGE_CUDA_FUNCTIONS(F)                                                                                      \
  F(cuInit, (unsigned))                                                                                              \
  F(cuDriverGetVersion, (int*))                                                                                      \
  F(cuDeviceGetCount, (int*))                                                                                        \
  F(cuDeviceGet, (int*, int))                                                                                        \
  F(cuDeviceGetName, (char*, int, int))                                                                              \
  F(cuDeviceGetAttribute, (int*, int, int))                                                                          \
  F(cuDeviceTotalMem_v2, (size_t*, int))                                                                             \
  F(cuDevicePrimaryCtxRetain, (Handle*, int))                                                                        \
  F(cuCtxSetCurrent, (Handle))                                                                                       \
  F(cuCtxSynchronize, ())                                                                                            \
  F(cuModuleLoadDataEx, (Handle*, const void*, unsigned, const int*, void**))                                        \
  F(cuModuleGetFunction, (Handle*, Handle, const char*))                                                             \
  F(cuFuncSetAttribute, (Handle, int, int))                                                                          \
  F(cuMemAlloc_v2, (Address*, size_t))                                                                               \
  F(cuMemFree_v2, (Address))                                                                                         \
  F(cuMemGetInfo_v2, (size_t*, size_t*))                                                                             \
  F(cuMemHostAlloc, (void**, size_t, unsigned))                                                                      \
  F(cuMemFreeHost, (void*))                                                                                          \
  F(cuMemcpyHtoD_v2, (Address, const void*, size_t))                                                                 \
  F(cuMemcpyDtoH_v2, (void*, Address, size_t))                                                                       \
  F(cuMemcpyHtoDAsync_v2, (Address, const void*, size_t, Handle))                                                    \
  F(cuMemcpyDtoHAsync_v2, (void*, Address, size_t, Handle))                                                          \
  F(cuMemsetD8_v2, (Address, unsigned char, size_t))                                                                 \
  F(cuLaunchKernel, (Handle, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, Handle, void**, void**)) \
  F(cuEventCreate, (Handle*, unsigned))                                                                              \
  F(cuEventRecord, (Handle, Handle))                                                                                 \
  F(cuEventSynchronize, (Handle))                                                                                    \
  F(cuEventElapsedTime, (float*, Handle, Handle))                                                                    \
  F(cuEventDestroy_v2, (Handle))                                                                                     \
  F(cuGetErrorName, (int, const char**))

struct Api {
#define RIDGE_CUDA_POINTER(name, parameters) int(*name) parameters = nullptr;
  RIDGE_CUDA_FUNCTIONS(RIDGE_CUDA_POINTER)
#undef RIDGE_CUDA_POINTER
  // Since CUDA 12.4; null before.
  int (*cuFuncGetParamInfo)(Handle, size_t, size_t*, size_t*) = nullptr;
};

// CUresult
enum : int {
  kOutOfMemory = 2,
  kNoDevice = 100,
  kInvalidImage = 200,
  kNoBinary = 209,
  kUnsupportedPtx = 222,
  kIllegalAddress = 700,
  kDriverMismatch = 803,
};

// CUdevice_attribute
enum : int {
  kClockKilohertz = 13,
  kProcessors = 16,
  kMemoryClockKilohertz = 36,
  kMemoryBusBits = 37,
  kCacheBytes = 38,
  kMajor = 75,
  kMinor = 76,
  kSharedBytesAtMost = 97,
};

// The library opened, at `path` or where the system has it.
// @throws Unavailable
const Api& api();

}  // namespace ridgepoint::cuda
