// Merging low-rank adapters into weights. Plain C interface; every matrix is row-major. The reference is
// core/techniques/adapters/merge.ts, and results equal it to the bit at any number of threads.
#pragma once

#include <stdint.h>

#if defined(_WIN32)
#define RIDGE_ADAPTERS_API extern "C" __declspec(dllexport)
#else
#define RIDGE_ADAPTERS_API extern "C" __attribute__((visibility("default")))
#endif

// A number of this header (cmake/interface.cmake): the caller refuses another.
RIDGE_ADAPTERS_API int32_t ridge_adapters_interface(void);

// weights: `rows` rows of `columns`, changed in place; the first is row `first` of the whole matrix.
// a: rank x columns. b: all rows of the matrix x rank. Adds factor * B * A in double precision.
// magnitude: null, or the length each row of the whole matrix then gets; strength says how far it goes there.
// Returns 0, or 1 when memory ran out.
RIDGE_ADAPTERS_API int32_t ridge_merge_adapter(float* weights, int64_t rows, int32_t columns, int64_t first,
                                               const float* a, const float* b, int32_t rank, double factor,
                                               const float* magnitude, double strength, int32_t threads);
