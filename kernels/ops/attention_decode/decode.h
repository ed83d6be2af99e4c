// One step of decoding: each sequence's newest token looks at everything it has cached, or at a window of it.
#pragma once

#include <cstdint>

#include "cpu/levels.h"
#include "ops/op.h"

namespace ridgepoint {

// Queries [batch][heads][keyLength] and outputs [batch][heads][valueLength] in f32. Query head h reads K/V head
// h / (heads / kvHeads).
struct Decode {
  int64_t batch, heads, kvHeads, keyLength, valueLength;
  int64_t context;  // tokens in the cache of each sequence, the newest one included
  int64_t window;   // the last so many are seen; 0 = all
  int64_t splits;   // parts of the cache that go their own way until the end; 0 = as many as keep all threads busy
  ops::Type type;   // of the cache: f32, f16, bf16 or int8
  // Contiguous: keys [batch][kvHeads][context][keyLength], values alike. Paged: [pages][kvHeads][page][keyLength], and
  // table [batch][ceil(context / page)] names the page of each run of tokens; null = contiguous.
  int64_t page;
  const int32_t* table;
  const void* keys;
  const void* values;
  // int8: one factor for each row of keys and of values, in the order of the rows; null otherwise.
  const float* keyScales;
  const float* valueScales;
  const float* queries;
  float* outputs;

  int64_t pages() const { return (context + page - 1) / page; }
  // Index of the row of a token, in rows of all keys or values.
  int64_t row(int64_t sequence, int64_t kvHead, int64_t token) const {
    if (table == nullptr) return (sequence * kvHeads + kvHead) * context + token;
    return (table[sequence * pages() + token / page] * kvHeads + kvHead) * page + token % page;
  }
  int64_t firstSeen() const { return window > 0 && window < context ? context - window : 0; }
};

using DecodeKernel = void(const Decode& decode, Pool& pool, float* scratch);
using DecodeFloats = int64_t(const Decode& decode, int threads);

// All heads of a group go past its keys and values together, which are read once.
RIDGE_DECLARE_LEVELS(decode_packed, DecodeKernel)
RIDGE_DECLARE_LEVELS(decode_packed_floats, DecodeFloats)
// Every query head reads its keys and values for itself.
RIDGE_DECLARE_LEVELS(decode_unpacked, DecodeKernel)
RIDGE_DECLARE_LEVELS(decode_unpacked_floats, DecodeFloats)
// Scores of the whole cache in memory, then their softmax, then the values: three passes.
RIDGE_DECLARE_LEVELS(decode_plain, DecodeKernel)
RIDGE_DECLARE_LEVELS(decode_plain_floats, DecodeFloats)

}  // namespace ridgepoint
