// Attention of the tokens of a prompt on tensor cores (FlashAttention-2, arXiv 2307.08691): a block of four warps has 64
// queries of one head, 16 a warp, and takes them past tiles of 64 keys and values. Scores stay in registers; as the left
// operand of the second product they need no exchange, for the sums of one product lie as the operand of the next wants them.
// Keys of the next tile are copied while this one's values are added up, and values while scores are computed.
#include "arguments.h"
#include "machine/machine.h"

namespace prefill {

constexpr int kThreads = 128;
constexpr int kQueries = 64;
constexpr int kKeys = 64;

// kLength: what lengths are filled up to. Lines of tiles are 16 bytes longer, so that eight of them lie in different banks.
template <int kLength>
constexpr int kLine = 2 * kLength + 16;

// 64 rows of `length` 16-bit elements; rows and elements that are not there become zero.
template <int kLength>
DEVICE void copy_tile(unsigned char* to, const void* from, int64_t first, int64_t rows, int length) {
  for (int place = static_cast<int>(threadIdx.x); place < kKeys * kLength / 8; place += kThreads) {
    const int row = place / (kLength / 8), element = place % (kLength / 8) * 8;
    const bool there = first + row < rows && element < length;
    const uint16_t* source = static_cast<const uint16_t*>(from) + (there ? (first + row) * length + element : 0);
    copy_async(to + row * kLine<kLength> + 2 * element, source, there ? 16 : 0);
  }
  copies_commit();
}

template <class T>
struct Pair;
template <>
struct Pair<f16> {
  DEVICE_MEMBER static uint32_t of(float first, float second) { return pack_f16(first, second); }
  DEVICE_MEMBER static void multiply(float* d, const uint32_t* a, const uint32_t* b) { mma_f16(d, a, b); }
};
template <>
struct Pair<bf16> {
  DEVICE_MEMBER static uint32_t of(float first, float second) { return pack_bf16(first, second); }
  DEVICE_MEMBER static void multiply(float* d, const uint32_t* a, const uint32_t* b) { mma_bf16(d, a, b); }
};

template <class T, int kLength>
DEVICE void flash(const PrefillArguments& p, unsigned char* shared) {
  constexpr int kSteps = kLength / 16, kColumns = kLength / 8;
  unsigned char* keys = shared;
  unsigned char* values = shared + kKeys * kLine<kLength>;
  const int lane = static_cast<int>(lane_index());
  const int64_t context = p.depth + p.tokens, head = blockIdx.y;
  const int64_t kv_head = head / p.heads * p.kv_heads + head % p.heads / (p.heads / p.kv_heads);
  const int64_t first = static_cast<int64_t>(blockIdx.x) * kQueries;
  const T* all_keys = static_cast<const T*>(p.keys) + kv_head * context * p.key_length;
  const T* all_values = static_cast<const T*>(p.values) + kv_head * context * p.value_length;

  // Queries pass through the tile of keys into registers.
  for (int place = static_cast<int>(threadIdx.x); place < kQueries * kLength / 2; place += kThreads) {
    const int row = place / (kLength / 2), element = place % (kLength / 2) * 2;
    const bool there = first + row < p.tokens && element < p.key_length;
    const float* query = p.queries + (head * p.tokens + first + row) * p.key_length + element;
    const uint32_t pair = there ? Pair<T>::of(query[0], query[1]) : 0;
    *reinterpret_cast<uint32_t*>(keys + row * kLine<kLength> + 2 * element) = pair;
  }
  barrier();
  uint32_t queries[kSteps][4];
#pragma unroll
  for (int k = 0; k < kSteps; k++) {
    load_matrices(queries[k], keys + (16 * static_cast<int>(warp_index()) + lane % 16) * kLine<kLength> + 32 * k + lane / 16 * 16);
  }
  barrier();

  float outputs[kColumns][4] = {};
  float tops[2] = {-infinity(), -infinity()}, sums[2] = {};
  // Tiles that any of the block's queries sees.
  const int64_t last_query = first + kQueries < p.tokens ? first + kQueries : p.tokens;
  const int64_t end = p.depth + last_query;
  int64_t tile = p.window > 0 && p.depth + first + 1 > p.window ? (p.depth + first + 1 - p.window) / kKeys * kKeys : 0;
  copy_tile<kLength>(keys, all_keys, tile, context, p.key_length);
  for (; tile < end; tile += kKeys) {
    copy_tile<kLength>(values, all_values, tile, context, p.value_length);
    copies_wait<1>();
    barrier();
    float scores[kKeys / 8][4] = {};
#pragma unroll
    for (int k = 0; k < kSteps; k++) {
#pragma unroll
      for (int j = 0; j < kKeys / 16; j++) {
        uint32_t b[4];
        load_matrices(b, keys + (16 * j + lane % 8 + lane / 16 * 8) * kLine<kLength> + 32 * k + lane / 8 % 2 * 16);
        Pair<T>::multiply(scores[2 * j], queries[k], b);
        Pair<T>::multiply(scores[2 * j + 1], queries[k], b + 2);
      }
    }
    barrier();
    if (tile + kKeys < end) {
      copy_tile<kLength>(keys, all_keys, tile + kKeys, context, p.key_length);
    } else {
      copies_commit();
    }

    // Two rows of this lane: lane / 4, and eight later.
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const int64_t token = first + 16 * warp_index() + lane / 4 + 8 * half;
      const int64_t newest = p.depth + token;
      float top = tops[half];
#pragma unroll
      for (int j = 0; j < kKeys / 8; j++) {
#pragma unroll
        for (int i = 0; i < 2; i++) {
          const int64_t key = tile + 8 * j + lane % 4 * 2 + i;
          float& score = scores[j][2 * half + i];
          const bool seen = key <= newest && (p.window == 0 || newest - key < p.window);
          score = seen ? score * p.scale : -infinity();
          top = larger(top, score);
        }
      }
      top = larger(top, shuffle_xor(top, 1));
      top = larger(top, shuffle_xor(top, 2));
      // Nothing seen yet: any finite number does, for all weights are zero then.
      const float shift = top == -infinity() ? 0.0f : top;
      const float kept = exponential(tops[half] - shift);
      tops[half] = top;
      sums[half] *= kept;
#pragma unroll
      for (int j = 0; j < kColumns; j++) {
        outputs[j][2 * half] *= kept;
        outputs[j][2 * half + 1] *= kept;
      }
#pragma unroll
      for (int j = 0; j < kKeys / 8; j++) {
#pragma unroll
        for (int i = 0; i < 2; i++) {
          float& score = scores[j][2 * half + i];
          score = exponential(score - shift);
          sums[half] += score;
        }
      }
    }

    copies_wait<1>();
    barrier();
#pragma unroll
    for (int k = 0; k < kKeys / 16; k++) {
      const float(&left)[4] = scores[2 * k];
      const float(&right)[4] = scores[2 * k + 1];
      const uint32_t a[4] = {Pair<T>::of(left[0], left[1]), Pair<T>::of(left[2], left[3]), Pair<T>::of(right[0], right[1]),
                             Pair<T>::of(right[2], right[3])};
#pragma unroll
      for (int j = 0; j < kColumns / 2; j++) {
        uint32_t b[4];
        load_transposed(b, values + (16 * k + lane % 16) * kLine<kLength> + 32 * j + lane / 16 * 16);
        Pair<T>::multiply(outputs[2 * j], a, b);
        Pair<T>::multiply(outputs[2 * j + 1], a, b + 2);
      }
    }
    barrier();
  }

#pragma unroll
  for (int half = 0; half < 2; half++) {
    const int64_t token = first + 16 * warp_index() + lane / 4 + 8 * half;
    float sum = sums[half];
    sum += shuffle_xor(sum, 1);
    sum += shuffle_xor(sum, 2);
    if (token >= p.tokens) continue;
    float* to = p.outputs + (head * p.tokens + token) * p.value_length;
#pragma unroll
    for (int j = 0; j < kColumns; j++) {
      const int element = 8 * j + lane % 4 * 2;
      if (element < p.value_length) {
        to[element] = outputs[j][2 * half] / sum;
        to[element + 1] = outputs[j][2 * half + 1] / sum;
      }
    }
  }
}

}  // namespace prefill

// Grid: ceil(tokens / 64), batch * heads. Lengths: multiples of 8, at most kLength. Shared memory: two tiles of 64 lines of
// 2 * kLength + 16 bytes.
#define PREFILL(suffix, T, kLength)                                                                  \
  KERNEL THREADS(prefill::kThreads) attention_prefill_##suffix##_##kLength(PrefillArguments p) {     \
    DYNAMIC_SHARED(shared);                                                                          \
    prefill::flash<T, kLength>(p, shared);                                                           \
  }                                                                                                  \
  ENTRY(attention_prefill_##suffix##_##kLength)
PREFILL(f16, f16, 64)
PREFILL(f16, f16, 128)
PREFILL(bf16, bf16, 64)
PREFILL(bf16, bf16, 128)
#undef PREFILL
