// The C interface of what physical cores give: whether something else runs on the other hardware threads of the cores that these CPUs
// are on, be it another guest of the host. Counters of CPU time do not show that: a CPU that shares its core is never idle nor stolen,
// it is only slower.
//
// Functions do not throw.
#pragma once

#include <stdint.h>

#if defined(_WIN32)
#define RIDGE_CORES_API extern "C" __declspec(dllexport)
#else
#define RIDGE_CORES_API extern "C" __attribute__((visibility("default")))
#endif

RIDGE_CORES_API int32_t ridge_cores_interface(void);

// Loads all of these CPUs at once for a quarter of a millisecond, by a thread on each. width: [count], how many independent operations
// each finished in the time of one dependent one. Dependent ones wait for themselves, whoever else is on the core, and go up and down
// with its clock as the others do: what is left is how much of the core's width the CPU had.
// Returns 0, or 1 where threads cannot be put onto CPUs; width is then as it was.
RIDGE_CORES_API int32_t ridge_cores_read(const int32_t* cpus, int32_t count, double* width);
