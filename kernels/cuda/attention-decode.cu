// Attention of one token of each sequence: memory decides, so a block reads its part of the cache once for as many query heads
// of a group as its registers hold. Eight lanes share a token, so that a warp has four at a time; every such eight keeps a
// softmax of its own that is corrected as it goes (arXiv 1805.02867), and they are merged at the end: lanes, warps, and the
// parts of the cache (flash-decoding) in a second kernel.
#include "arguments.h"
#include "machine/machine.h"

namespace decode {

constexpr int kThreads = 128;
constexpr int kWarps = kThreads / 32;
constexpr int kLanes = 8;
constexpr int kGroups = kThreads / kLanes;

// Index of a token's row among all rows of keys or values.
DEVICE int64_t row_of(const DecodeArguments& d, int64_t sequence, int64_t kv_head, int64_t token) {
  if (d.table == nullptr) return (sequence * d.kv_heads + kv_head) * d.context + token;
  // In 32 bits: a division of 64 costs as much as all the rest of a token.
  const uint32_t place = static_cast<uint32_t>(token), page = static_cast<uint32_t>(d.page);
  return static_cast<int64_t>(d.table[sequence * d.pages + place / page]) * d.table_rows + kv_head * d.page + place % page;
}

DEVICE float exponential_of_difference(float a, float b) { return a == -infinity() ? 0.0f : accurate_exponential(a - b); }

// One head's softmax so far, of this lane's slices of the value.
template <int kFloats>
struct Running {
  float top, sum, output[kFloats];

  DEVICE_MEMBER void correct(float next) {
    const float kept = exponential_of_difference(top, next);
    sum *= kept;
#pragma unroll
    for (int i = 0; i < kFloats; i++) output[i] *= kept;
    top = next;
  }
};

// Slices of 16 bytes: lane l of eight has number l, l + 8, … of a row.
template <class T, int kSlices, int kHeads>
DEVICE void part(const DecodeArguments& d, unsigned char* shared) {
  constexpr int kEach = 16 / static_cast<int>(sizeof(T));
  constexpr int kFloats = kSlices * kEach;
  const int64_t sequence = blockIdx.z;
  const int group_heads = d.heads / d.kv_heads, chunks = (group_heads + kHeads - 1) / kHeads;
  const int kv_head = static_cast<int>(blockIdx.y) / chunks, first_head = static_cast<int>(blockIdx.y) % chunks * kHeads;
  const int count = group_heads - first_head < kHeads ? group_heads - first_head : kHeads;
  const int64_t query = sequence * d.heads + kv_head * group_heads + first_head;
  float* queries = reinterpret_cast<float*>(shared);
  for (int i = static_cast<int>(threadIdx.x); i < kHeads * d.key_length; i += kThreads) {
    queries[i] = i / d.key_length < count ? d.queries[query * d.key_length + i] * d.scale : 0.0f;
  }
  barrier();

  Running<kFloats> heads[kHeads];
#pragma unroll
  for (int h = 0; h < kHeads; h++) {
    heads[h].top = -infinity();
    heads[h].sum = 0;
#pragma unroll
    for (int i = 0; i < kFloats; i++) heads[h].output[i] = 0;
  }
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const int64_t all = d.context - d.first, each = (all + d.splits - 1) / d.splits;
  const int64_t begin = d.first + blockIdx.x * each;
  const int64_t end = begin + each < d.context ? begin + each : d.context;
  for (int64_t base = begin; base < end; base += kGroups) {
    const int64_t token = base + threadIdx.x / kLanes;
    const bool there = token < end;
    const int64_t row = there ? row_of(d, sequence, kv_head, token) : 0;
    // The values are asked for before the scores are known, so that both are under way together.
    Vector128 values[kSlices];
#pragma unroll
    for (int s = 0; s < kSlices; s++) {
      const int at = (s * kLanes + lane) * kEach;
      if (there && at < d.value_length) {
        values[s] = *reinterpret_cast<const Vector128*>(static_cast<const T*>(d.values) + row * d.value_stride + at);
      }
    }
    float scores[kHeads] = {};
    if (there) {
      const T* key = static_cast<const T*>(d.keys) + row * d.key_stride;
      for (int at = lane * kEach; at < d.key_length; at += kLanes * kEach) {
        float numbers[kEach];
        load_widened<kEach>(key + at, numbers);
#pragma unroll
        for (int h = 0; h < kHeads; h++) {
          float own[kEach];
          load_widened<kEach>(queries + h * d.key_length + at, own);
#pragma unroll
          for (int i = 0; i < kEach; i++) scores[h] += own[i] * numbers[i];
        }
      }
    }
    const float key_scale = there && d.key_scales != nullptr ? d.key_scales[row] : 1.0f;
    const float value_scale = there && d.value_scales != nullptr ? d.value_scales[row] : 1.0f;
#pragma unroll
    for (int h = 0; h < kHeads; h++) {
      for (unsigned step = kLanes / 2; step > 0; step /= 2) scores[h] += shuffle_xor(scores[h], step);
      if (!there) continue;
      Running<kFloats>& own = heads[h];
      const float score = scores[h] * key_scale;
      if (score > own.top) own.correct(score);
      const float weight = accurate_exponential(score - own.top);
      own.sum += weight;
      const float scaled = weight * value_scale;
#pragma unroll
      for (int s = 0; s < kSlices; s++) {
        if ((s * kLanes + lane) * kEach >= d.value_length) continue;
        const T* numbers = reinterpret_cast<const T*>(values + s);
#pragma unroll
        for (int i = 0; i < kEach; i++) own.output[s * kEach + i] += scaled * widen(numbers[i]);
      }
    }
  }

  // The four tokens of a warp, then the warps through shared memory, where the queries are no longer needed.
  barrier();
  float* outputs = reinterpret_cast<float*>(shared);
  float* tops = outputs + kWarps * kHeads * d.value_length;
#pragma unroll
  for (int h = 0; h < kHeads; h++) {
    Running<kFloats>& own = heads[h];
    for (unsigned step = kLanes; step < kWarp; step *= 2) {
      const float next = larger(own.top, shuffle_xor(own.top, step));
      own.correct(next);
      own.sum += shuffle_xor(own.sum, step);
#pragma unroll
      for (int i = 0; i < kFloats; i++) own.output[i] += shuffle_xor(own.output[i], step);
    }
    const int place = static_cast<int>(warp_index()) * kHeads + h;
    if (lane_index() < kLanes) {
#pragma unroll
      for (int s = 0; s < kSlices; s++) {
        const int at = (s * kLanes + lane) * kEach;
        if (at >= d.value_length) continue;
        for (int i = 0; i < kEach; i++) outputs[place * d.value_length + at + i] = own.output[s * kEach + i];
      }
    }
    if (lane_index() == 0) {
      tops[2 * place] = own.top;
      tops[2 * place + 1] = own.sum;
    }
  }
  barrier();
  for (int i = static_cast<int>(threadIdx.x); i < count * d.value_length; i += kThreads) {
    const int h = i / d.value_length, element = i % d.value_length;
    float top = -infinity(), sum = 0, output = 0;
    for (int w = 0; w < kWarps; w++) top = larger(top, tops[2 * (w * kHeads + h)]);
    for (int w = 0; w < kWarps; w++) {
      const int place = w * kHeads + h;
      const float kept = exponential_of_difference(tops[2 * place], top);
      sum += kept * tops[2 * place + 1];
      output += kept * outputs[place * d.value_length + element];
    }
    const int64_t slot = (query + h) * d.splits + blockIdx.x;
    d.parts[slot * d.value_length + element] = output;
    if (element == 0) {
      d.tops[2 * slot] = top;
      d.tops[2 * slot + 1] = sum;
    }
  }
}

}  // namespace decode

// Grid: splits, kv_heads * ceil(heads of a group / kHeads), batch. Shared memory: floats for kHeads queries, or for 4 warps
// of kHeads outputs with two more each, whichever is more. Lengths: multiples of 16 bytes; values at most 128 * kSlices bytes.
#define DECODE(suffix, T, kSlices, kHeads)                                                        \
  KERNEL THREADS(decode::kThreads) attention_decode_##suffix##_##kSlices(DecodeArguments d) {     \
    DYNAMIC_SHARED(shared);                                                                       \
    decode::part<T, kSlices, kHeads>(d, shared);                                                  \
  }                                                                                               \
  ENTRY(attention_decode_##suffix##_##kSlices)
DECODE(f32, float, 2, 4)
DECODE(f32, float, 4, 4)
DECODE(f32, float, 8, 2)
DECODE(f32, float, 16, 1)
DECODE(f16, f16, 1, 4)
DECODE(f16, f16, 2, 4)
DECODE(f16, f16, 4, 2)
DECODE(f16, f16, 8, 1)
DECODE(bf16, bf16, 1, 4)
DECODE(bf16, bf16, 2, 4)
DECODE(bf16, bf16, 4, 2)
DECODE(bf16, bf16, 8, 1)
DECODE(int8, int8_t, 1, 4)
DECODE(int8, int8_t, 2, 2)
DECODE(int8, int8_t, 4, 1)
#undef DECODE

// Puts the parts of each output together. One block for each; a part that saw nothing has -infinity as its largest score.
KERNEL attention_merge(const float* parts, const float* tops, int32_t splits, int32_t length, float* outputs) {
  const int64_t first = static_cast<int64_t>(blockIdx.x) * splits;
  float top = -infinity(), sum = 0;
  for (int s = 0; s < splits; s++) top = larger(top, tops[2 * (first + s)]);
  for (int s = 0; s < splits; s++) {
    sum += decode::exponential_of_difference(tops[2 * (first + s)], top) * tops[2 * (first + s) + 1];
  }
  for (int i = static_cast<int>(threadIdx.x); i < length; i += static_cast<int>(blockDim.x)) {
    float output = 0;
    for (int s = 0; s < splits; s++) {
      output += decode::exponential_of_difference(tops[2 * (first + s)], top) * parts[(first + s) * length + i];
    }
    outputs[static_cast<int64_t>(blockIdx.x) * length + i] = sum > 0 ? output / sum : 0.0f;
  }
}
ENTRY(attention_merge)
