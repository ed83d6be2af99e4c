// Causal attention of the tokens of a chunk, after tokens that are cached already.
#pragma once

#include <cstdint>

#include "cpu/levels.h"
#include "ops/op.h"

namespace ridgepoint {

// Queries [batch][heads][tokens][keyLength] and outputs [batch][heads][tokens][valueLength] in f32; keys
// [batch][kvHeads][depth + tokens][keyLength] and values alike. Token i of the chunk sees itself and what is before it.
struct Prefill {
  int64_t batch, heads, kvHeads, keyLength, valueLength;
  int64_t depth, tokens;
  int64_t window;  // a token sees the last so many, itself included; 0 = all
  ops::Type type;  // f32, f16 or bf16
  const void* keys;
  const void* values;
  const float* queries;
  float* outputs;

  int64_t context() const { return depth + tokens; }
  int64_t first(int64_t token) const {
    const int64_t from = window > 0 ? depth + token + 1 - window : 0;
    return from > 0 ? from : 0;
  }
  int64_t last(int64_t token) const { return depth + token + 1; }
};

using PrefillKernel = void(const Prefill& prefill, Pool& pool, float* scratch);
using PrefillFloats = int64_t(const Prefill& prefill, int threads);

// Blocks of queries past tiles of keys, with a running softmax; tiles that nobody sees are not touched.
RIDGE_DECLARE_LEVELS(prefill_flash, PrefillKernel)
RIDGE_DECLARE_LEVELS(prefill_flash_floats, PrefillFloats)
// The matrix of all scores in memory, masked, then its softmax, then the values.
RIDGE_DECLARE_LEVELS(prefill_plain, PrefillKernel)
RIDGE_DECLARE_LEVELS(prefill_plain_floats, PrefillFloats)

}  // namespace ridgepoint
