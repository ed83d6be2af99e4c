// The sums over tokens of every channel; compiled once per level (cpu/levels.h).
#pragma once

#include <stdint.h>

#include "cpu/levels.h"

namespace ridgepoint {

// Of every channel; `tokens` have been added to the means of this sequence.
struct Channels {
  double* squares;
  double* sums;
  double* means;
  double* deviations;
  int64_t tokens;
};

struct Range {
  int64_t begin;
  int64_t end;
};

// Adds `count` tokens, `stride` values apart, to the channels of a range, in their order.
using AddChannels = void(const Channels& all, Range range, const float* rows, int64_t count, int64_t stride);
RIDGE_DECLARE_LEVELS(add_channels, AddChannels)

}  // namespace ridgepoint
