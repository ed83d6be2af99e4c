// What this processor can do, and the level of instructions that kernels use on it. One library runs on every machine
// of its architecture: files that need more than the baseline are compiled with flags of their own (CMakeLists.txt) and
// are only called at their level or above.
#pragma once

#include <stdint.h>

#if defined(_WIN32)
#define RIDGE_CPU_API extern "C" __declspec(dllexport)
#else
#define RIDGE_CPU_API extern "C" __attribute__((visibility("default")))
#endif

// A number of this header (cmake/interface.cmake): the caller refuses another.
RIDGE_CPU_API int32_t ridge_cpu_interface(void);

// The highest level that both this processor and this library have. 0 is `scalar`: the architecture's baseline.
RIDGE_CPU_API int32_t ridge_cpu_highest(void);

// The level in use: the highest, or a lower one by RIDGEPOINT_CPU=<name of a level> or ridge_cpu_limit.
RIDGE_CPU_API int32_t ridge_cpu_level(void);

// Uses at most this level from now on, in all threads. Returns the level that is then in use.
RIDGE_CPU_API int32_t ridge_cpu_limit(int32_t level);

// Instruction sets of this processor that the system lets programs use, as words of /proc/cpuinfo with spaces between them.
RIDGE_CPU_API const char* ridge_cpu_features(void);

// The level of a processor that has these instruction sets, were the library compiled for all of them.
RIDGE_CPU_API int32_t ridge_cpu_level_of(const char* features);

// `scalar`, `avx2`, ...; null for a number that this architecture does not have.
RIDGE_CPU_API const char* ridge_cpu_level_name(int32_t level);
