// One step of decoding with multi-head latent attention (DeepSeek-V2, arXiv 2405.04434).
#pragma once

#include <cstdint>

#include "cpu/levels.h"
#include "ops/op.h"

namespace ridgepoint {

// Each token has one row for all heads in the cache [batch][context][rank + ropeLength]: the latent c and the rotated key.
// upKey [heads][headLength][rank] and upValue [heads][valueLength][rank] make a head's key and value of c. Queries
// [batch][heads][headLength + ropeLength] and outputs [batch][heads][valueLength] in f32.
struct Mla {
  int64_t batch, heads, rank, ropeLength, headLength, valueLength, context;
  int64_t splits;  // parts of the cache; 0 = as the threads need
  ops::Type type;  // of cache and matrices: f32, f16 or bf16
  const void* cache;
  const void* upKey;
  const void* upValue;
  const float* queries;
  float* outputs;

  int64_t cached() const { return rank + ropeLength; }
  int64_t queryLength() const { return headLength + ropeLength; }
};

using MlaKernel = void(const Mla& mla, Pool& pool, float* scratch);
using MlaFloats = int64_t(const Mla& mla, int threads);

// The query takes upKey on, and the sum of latents upValue: q' = upKey^T q, o = upValue (sum of p c).
RIDGE_DECLARE_LEVELS(mla_absorbed, MlaKernel)
RIDGE_DECLARE_LEVELS(mla_absorbed_floats, MlaFloats)
// Keys and values of every cached token are made for every head.
RIDGE_DECLARE_LEVELS(mla_naive, MlaKernel)
RIDGE_DECLARE_LEVELS(mla_naive_floats, MlaFloats)

}  // namespace ridgepoint
