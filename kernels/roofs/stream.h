// One pass over arrays in memory; compiled once per level (cpu/levels.h).
#pragma once

#include <stdint.h>

#include "cpu/levels.h"

namespace ridgepoint {

// Arrays of `bytes` each, aligned to 64 and a multiple of 512 long. streaming: stores go past the caches.
// Returns what was read, combined by exclusive or, for read; 0 for the others.
using StreamPass = uint64_t(double* a, const double* b, const double* c, int64_t bytes, bool streaming);
RIDGE_DECLARE_LEVELS(read_pass, StreamPass)
RIDGE_DECLARE_LEVELS(write_pass, StreamPass)
RIDGE_DECLARE_LEVELS(copy_pass, StreamPass)
RIDGE_DECLARE_LEVELS(triad_pass, StreamPass)

}  // namespace ridgepoint
