// What latent attention (MLA) and native sparse attention (NSA) need around the attention of one token.
#include "arguments.h"
#include "machine/machine.h"

namespace latent {

constexpr int kThreads = 128;

// q' = upKey^T q, and the rotated part as it is: the queries of a cache of latents. Grid: ceil((rank + rope) / 128), heads, batch.
template <class T>
DEVICE void absorb(const T* up_key, const float* queries, int32_t heads, int32_t head_length, int32_t rank, int32_t rope,
                   float* absorbed) {
  const int32_t r = static_cast<int32_t>(blockIdx.x * kThreads + threadIdx.x);
  const int64_t head = blockIdx.y, unit = static_cast<int64_t>(blockIdx.z) * heads + head;
  if (r >= rank + rope) return;
  const float* query = queries + unit * (head_length + rope);
  float sum = 0;
  if (r < rank) {
    for (int32_t n = 0; n < head_length; n++) sum += widen(up_key[(head * head_length + n) * rank + r]) * query[n];
  } else {
    sum = query[head_length + r - rank];
  }
  absorbed[unit * (rank + rope) + r] = sum;
}

// Scores of all compressed blocks: a warp for each. Grid: ceil(compressed / 4), batch * heads.
template <class T>
DEVICE void scores(const NsaArguments& n) {
  const int32_t block = static_cast<int32_t>(blockIdx.x * (kThreads / kWarp) + warp_index());
  if (block >= n.compressed) return;
  const int64_t unit = blockIdx.y, kv = unit / (n.heads / n.kv_heads);
  const T* key = static_cast<const T*>(n.keys) + (kv * n.compressed + block) * n.key_length;
  const float* query = n.queries + unit * n.key_length;
  float sum = 0;
  for (int32_t i = static_cast<int32_t>(lane_index()); i < n.key_length; i += kWarp) sum += widen(key[i]) * query[i];
  sum = warp_sum(sum);
  if (lane_index() == 0) n.weights[unit * n.compressed + block] = sum * n.scale;
}

// The softmax of the scores in place, and the sum of the values by it. Grid: batch * heads.
template <class T>
DEVICE void compressed(const NsaArguments& n, float* scratch) {
  const int64_t unit = blockIdx.x, kv = unit / (n.heads / n.kv_heads);
  float* weights = n.weights + unit * n.compressed;
  float top = -infinity(), sum = 0;
  for (int32_t c = static_cast<int32_t>(threadIdx.x); c < n.compressed; c += kThreads) top = larger(top, weights[c]);
  top = block_max(top, scratch);
  for (int32_t c = static_cast<int32_t>(threadIdx.x); c < n.compressed; c += kThreads) {
    weights[c] = accurate_exponential(weights[c] - top);
    sum += weights[c];
  }
  sum = block_sum(sum, scratch);
  for (int32_t c = static_cast<int32_t>(threadIdx.x); c < n.compressed; c += kThreads) weights[c] /= sum;
  // All weights are there.
  barrier();
  const T* values = static_cast<const T*>(n.values) + kv * n.compressed * n.value_length;
  for (int32_t i = static_cast<int32_t>(threadIdx.x); i < n.value_length; i += kThreads) {
    float output = 0;
    for (int32_t c = 0; c < n.compressed; c++) output += weights[c] * widen(values[static_cast<int64_t>(c) * n.value_length + i]);
    n.output[unit * n.value_length + i] = output;
  }
}

}  // namespace latent

// The blocks that each group of heads selects, in order. One block of 128 threads for each group.
KERNEL THREADS(latent::kThreads) nsa_select(NsaArguments n) {
  using latent::kThreads;
  SHARED float scratch[4];
  constexpr float kTaken = -1, kAlways = 1e30f;
  const int64_t kv = blockIdx.x;
  const int32_t group = n.heads / n.kv_heads;
  float* importance = n.importance + kv * n.blocks;
  for (int32_t b = static_cast<int32_t>(threadIdx.x); b < n.blocks; b += kThreads) {
    float sum = 0;
    // Compressed blocks that overlap this one.
    const int64_t begin = static_cast<int64_t>(b) * n.select_block, end = begin + n.select_block;
    int64_t c = begin < n.compress_block ? 0 : (begin - n.compress_block) / n.compress_stride + 1;
    for (; c < n.compressed && c * n.compress_stride < end; c++) {
      const int64_t own = c * n.compress_stride, own_end = own + n.compress_block;
      const int64_t shared = (own_end < end ? own_end : end) - (own > begin ? own : begin);
      if (shared <= 0) continue;
      for (int32_t r = 0; r < group; r++) sum += static_cast<float>(shared) * n.weights[(kv * group + r) * n.compressed + c];
    }
    // The first and the two newest always, the newest first where not all of them can be.
    const bool newest = b >= n.blocks - 2;
    importance[b] = b < 1 || newest ? kAlways * (newest ? 2.0f + static_cast<float>(b - n.blocks) * 0.5f : 0.5f) : sum;
  }
  barrier();
  for (int32_t taken = 0; taken < n.selected; taken++) {
    float best = kTaken;
    for (int32_t b = static_cast<int32_t>(threadIdx.x); b < n.blocks; b += kThreads) best = larger(best, importance[b]);
    best = block_max(best, scratch);
    // Of equals the earlier one: the least index, as the largest of its negative.
    float place = -infinity();
    for (int32_t b = static_cast<int32_t>(threadIdx.x); b < n.blocks; b += kThreads) {
      if (importance[b] == best) place = larger(place, -static_cast<float>(b));
    }
    place = block_max(place, scratch);
    if (threadIdx.x == 0) importance[static_cast<int32_t>(-place)] = kTaken;
    barrier();
  }
  if (threadIdx.x == 0) {
    int32_t at = 0;
    for (int32_t b = 0; b < n.blocks; b++) {
      if (importance[b] == kTaken) n.rows[kv * n.selected + at++] = static_cast<int32_t>(kv * n.context + static_cast<int64_t>(b) * n.select_block);
    }
  }
}
ENTRY(nsa_select)

// The sum of the three branches by their gates [units][3]. One thread for each number.
KERNEL nsa_gate(const float* compressed, const float* selected, const float* window, const float* gates, int64_t units,
                int32_t length, float* outputs) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= units * length) return;
  const float* own = gates + i / length * 3;
  const float first = compressed == nullptr ? 0.0f : own[0] * compressed[i];
  outputs[i] = first + own[1] * selected[i] + own[2] * window[i];
}
ENTRY(nsa_gate)

#define LATENT(suffix, T)                                                                                                   \
  KERNEL THREADS(latent::kThreads) mla_absorb_##suffix(const T* up_key, const float* queries, int32_t heads,                \
                                                       int32_t head_length, int32_t rank, int32_t rope, float* absorbed) {  \
    latent::absorb<T>(up_key, queries, heads, head_length, rank, rope, absorbed);                                           \
  }                                                                                                                         \
  ENTRY(mla_absorb_##suffix)                                                                                                \
  KERNEL THREADS(latent::kThreads) nsa_scores_##suffix(NsaArguments n) { latent::scores<T>(n); }                            \
  ENTRY(nsa_scores_##suffix)                                                                                                \
  KERNEL THREADS(latent::kThreads) nsa_compressed_##suffix(NsaArguments n) {                                                \
    SHARED float scratch[4];                                                                                                \
    latent::compressed<T>(n, scratch);                                                                                      \
  }                                                                                                                         \
  ENTRY(nsa_compressed_##suffix)
LATENT(f32, float)
LATENT(f16, f16)
LATENT(bf16, bf16)
#undef LATENT
