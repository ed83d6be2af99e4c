// The C interface of what physical cores give: whether something else runs on the other hardware threads of the cores that these CPUs
// are on, be it another guest of the host, and how far these cores lie from each other. Counters of CPU time show neither: a CPU that
// shares its core is never idle nor stolen, it is only slower.
//
// Functions do not throw.
#pragma once

#include <stdint.h>

#if defined(_WIN32)
#define RIDGE_CORES_API extern "C" __declspec(dllexport)
#else
#define RIDGE_CORES_API extern "C" __attribute__((visibility("default")))
#endif

// A number of this header (cmake/interface.cmake): the caller refuses another.
RIDGE_CORES_API int32_t ridge_cores_interface(void);

// Asks all of these CPUs at once, by a thread on each, within some milliseconds.
// width: [count], how many independent operations each finished in the time of one dependent one: products, sums, loads and integers, for
// a neighbour may leave any of these alone. Dependent ones wait for themselves, whoever else is on the core, and go up and down with its
// clock as the others do: what is left is how much of the core's width the CPU had.
// latency: [count - 1], seconds that a cache line takes from each CPU to the next and back, in the order given: threads that wait for each
// other after every matrix, as those of an engine do, pay it each time. It tells cores that share a cache from cores that do not; where
// the CPUs are those of a guest, its host may move them at any moment.
// Returns 0, or 1 where threads cannot be put onto CPUs; width and latency are then as they were.
RIDGE_CORES_API int32_t ridge_cores_read(const int32_t* cpus, int32_t count, double* width, double* latency);
