// The C interface of measured ceilings: what memory and arithmetic of this machine give at best. Figures are rates over
// the time from the first thread's start to the last one's end; every repeat is handed over, and the caller judges.
//
// A bench holds threads, each pinned to one CPU, and memory that each of them touched first. One caller at a time.
#pragma once

#include <stdint.h>

#if defined(_WIN32)
#define RIDGE_ROOFS_API extern "C" __declspec(dllexport)
#else
#define RIDGE_ROOFS_API extern "C" __attribute__((visibility("default")))
#endif

enum {
  RIDGE_ROOFS_OK = 0,
  RIDGE_ROOFS_OUT_OF_MEMORY = 1,
  // The process may not use one of the CPUs, or one is there twice.
  RIDGE_ROOFS_WRONG_CPUS = 2,
  RIDGE_ROOFS_FEWER_THREADS = 3,
  // No kernel that this processor may run at the level in use computes in this arithmetic.
  RIDGE_ROOFS_ABSENT = 4,
  // The product was computed and is wrong: its speed means nothing.
  RIDGE_ROOFS_WRONG_RESULT = 5,
  RIDGE_ROOFS_WRONG_SIZE = 6
};

enum { RIDGE_READ = 0, RIDGE_WRITE = 1, RIDGE_COPY = 2, RIDGE_TRIAD = 3 };
enum { RIDGE_VECTOR = 0, RIDGE_MATRIX = 1 };
enum { RIDGE_F64 = 0, RIDGE_F32 = 1, RIDGE_BF16 = 2, RIDGE_F16 = 3, RIDGE_INT8 = 4 };

// A number of this header (cmake/interface.cmake): the caller refuses another.
RIDGE_ROOFS_API int32_t ridge_roofs_interface(void);

// "ridgepoint-roofs:" and a digest of what this part is built of and by. Agents find it in the file, which they do not open.
RIDGE_ROOFS_API const char* ridge_roofs_build(void);

// cpus: one per thread. bytes: of each thread's memory. Returns null and *problem when it cannot be.
RIDGE_ROOFS_API void* ridge_roofs_open(const int32_t* cpus, int32_t threads, int64_t bytes, int32_t* problem);
RIDGE_ROOFS_API void ridge_roofs_close(void* bench);

// Passes over `bytes` of each thread's memory, all its arrays together (read, write: one; copy: two; triad: three), for at
// least `seconds` a repeat. Bytes that the program reads and writes count, as STREAM counts them: no write-allocate.
// streaming: 1 = stores go past the caches. checksum: of what read has seen, of all threads.
RIDGE_ROOFS_API int32_t ridge_roofs_bandwidth(void* bench, int32_t access, int32_t streaming, int64_t bytes,
                                              double seconds, int32_t repeats, double* bytes_per_second,
                                              uint64_t* checksum);

// Peaks of an arithmetic. Of all kernels that this processor runs for it (roofs/kernels.cpp) the fastest is found by a short turn
// of each, and that one is measured; `ridge_roofs_instructions` names it afterwards.
//
// Vector: fused multiply-adds (dot products, where these are what the arithmetic has) from registers. Both operations count.
RIDGE_ROOFS_API int32_t ridge_roofs_vector(void* bench, int32_t arithmetic, double seconds, int32_t repeats,
                                           double* flops_per_second);

// Matrix: a blocked product of each thread's own, out of its second-level cache: panels are packed beforehand, and the result
// of every kernel is held against double precision, or against integers, before it is timed.
RIDGE_ROOFS_API int32_t ridge_roofs_matrix(void* bench, int32_t arithmetic, double seconds, int32_t repeats,
                                           double* flops_per_second);

// The instruction set of the kernel that the last peak was measured with, as /proc/cpuinfo calls it; "" before the first.
RIDGE_ROOFS_API const char* ridge_roofs_instructions(void* bench);

// The instruction set of the kernel that a processor with `features` (words of /proc/cpuinfo with spaces between them, of any
// architecture) would try in place `rank`: 0 has the most operations a cycle. Null after the last.
RIDGE_ROOFS_API const char* ridge_roofs_choice(int32_t arithmetic, int32_t unit, const char* features, int32_t rank);

// seconds: per launch of nothing on all threads, until all have ended; `launches` one after the other in each repeat.
RIDGE_ROOFS_API int32_t ridge_roofs_launch(void* bench, int32_t launches, int32_t repeats, double* seconds);
