// Activations, rounded to what the arithmetic of the weights' type takes (ops/matrices/activations.h says how).
#pragma once

#include <stdint.h>

#include "cpu/levels.h"

namespace ridgepoint::graph {

// A vector in int8: x = scale * integer.
struct Scaled {
  float scale;
  int32_t sum;
};

using ToBfloats = void(const float* x, int64_t count, uint16_t* out);
// shifted: the integers + 128.
using ToIntegers = Scaled(const float* x, int64_t count, int8_t* out, uint8_t* shifted);

}  // namespace ridgepoint::graph

namespace ridgepoint {
RIDGE_DECLARE_LEVELS(to_bfloats, graph::ToBfloats)
RIDGE_DECLARE_LEVELS(to_integers, graph::ToIntegers)
}  // namespace ridgepoint
