// Rotary positions (arXiv 2104.09864): pairs of a head's elements turned by an angle of the token's position.
#pragma once

#include "cpu/levels.h"
#include "ops/products/rowwise.h"

namespace ridgepoint {

// A row is a head of a token; `heads` rows share a position. a and b [positions][length / 2] are cosines and sines. Pairs are
// (i, i + length / 2) as in GPT-NeoX, or neighbours (2 i, 2 i + 1) where `interleaved`.
RIDGE_DECLARE_LEVELS(rope_rows, RowwiseKernel)

}  // namespace ridgepoint
