// Holds a kernel against its op's reference.
#pragma once

#include <cstdint>
#include <string>

#include "ops/op.h"

namespace ridgepoint::ops {

struct Verdict {
  bool ok;
  // The largest error over what is allowed; at most 1 when ok. NaN when nothing could be compared.
  double error;
  // A sentence, or empty.
  std::string fault;
  int64_t compared;
  int64_t of;
  double tolerance;
};

// Poisons what the kernel shall write, runs it twice, and looks at its output, at the sentinels and at its inputs.
// Large problems are compared in a sample of their units that always has the first and the last.
// tolerance: allowed |got - expected| for each unit of magnitude.
Verdict check(double tolerance, double flops, const Problem& problem, Kernel& kernel, Arena& arena, Pool& pool,
              uint64_t seed);

}  // namespace ridgepoint::ops
