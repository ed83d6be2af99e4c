// Products with many matrices at once: adapters of a batch, experts of its tokens. A warp has a row of a group's matrix and
// takes it past the group's vectors, four at a time, so that the row is read from memory once.
#include "arguments.h"
#include "machine/machine.h"

namespace grouped {

constexpr int kVectors = 4;

// Sums of one row with `count` vectors, this lane's share.
template <class T>
DEVICE void multiply(const T* row, const float* const* x, int32_t columns, float* sums) {
  constexpr int kEach = 16 / static_cast<int>(sizeof(T));
  const int32_t lane = static_cast<int32_t>(lane_index());
  if (columns % kEach == 0) {
    for (int32_t at = lane * kEach; at < columns; at += kWarp * kEach) {
      float weights[kEach];
      load_widened<kEach>(row + at, weights);
#pragma unroll
      for (int v = 0; v < kVectors; v++) {
        float inputs[kEach];
        load_widened<kEach>(x[v] + at, inputs);
#pragma unroll
        for (int i = 0; i < kEach; i++) sums[v] += weights[i] * inputs[i];
      }
    }
    return;
  }
  // Rows that do not begin at 16 bytes.
  for (int32_t at = lane; at < columns; at += kWarp) {
    const float weight = widen(row[at]);
#pragma unroll
    for (int v = 0; v < kVectors; v++) sums[v] += weight * x[v][at];
  }
}

template <class T>
DEVICE void rows(const GroupedArguments& g) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * (blockDim.x / kWarp) + warp_index();
  if (row >= g.rows) return;
  const int32_t group = static_cast<int32_t>(blockIdx.y);
  const T* own = static_cast<const T*>(g.weights) + (static_cast<int64_t>(g.matrix_of[group]) * g.rows + row) * g.columns;
  const int32_t end = g.starts[group + 1];
  for (int32_t first = g.starts[group]; first < end; first += kVectors) {
    const float* x[kVectors];
    int32_t x_of[kVectors];
#pragma unroll
    for (int v = 0; v < kVectors; v++) {
      // Behind the last pair the first one is computed again.
      x_of[v] = g.x_of[first + v < end ? first + v : first];
      x[v] = g.x + static_cast<int64_t>(x_of[v]) * g.columns;
    }
    float sums[kVectors] = {};
    multiply(own, x, g.columns, sums);
#pragma unroll
    for (int v = 0; v < kVectors; v++) {
      const int64_t adapter = g.low == nullptr ? 0 : g.adapter_of[x_of[v]];
      if (g.low != nullptr) {
        const T* up = static_cast<const T*>(g.up) + (adapter * g.rows + row) * g.rank;
        const float* low = g.low + static_cast<int64_t>(x_of[v]) * g.rank;
        for (int32_t r = static_cast<int32_t>(lane_index()); r < g.rank; r += kWarp) sums[v] += g.scale * widen(up[r]) * low[r];
      }
      const float sum = warp_sum(sums[v]);
      if (lane_index() != 0 || first + v >= end) continue;
      const float gain = g.gain == nullptr ? 1.0f : g.gain[adapter * g.rows + row];
      g.y[static_cast<int64_t>(g.y_of[first + v]) * g.rows + row] = gain * sum;
    }
  }
}

// y = gain (y + scale B h), one thread for each number: what a separate adapter adds to what was written.
template <class T>
DEVICE void add(const GroupedArguments& g, int64_t tokens) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= tokens * g.rows) return;
  const int64_t token = i / g.rows, row = i % g.rows, adapter = g.adapter_of[token];
  const T* up = static_cast<const T*>(g.up) + (adapter * g.rows + row) * g.rank;
  const float* low = g.low + token * g.rank;
  float sum = 0;
  for (int32_t r = 0; r < g.rank; r++) sum += widen(up[r]) * low[r];
  const float gain = g.gain == nullptr ? 1.0f : g.gain[adapter * g.rows + row];
  g.y[i] = gain * (g.y[i] + g.scale * sum);
}

}  // namespace grouped

// Grid: ceil(rows / warps of a block), groups. Whole warps.
#define GROUPED(suffix, T)                                                                                       \
  KERNEL grouped_rows_##suffix(GroupedArguments g) { grouped::rows<T>(g); }                                      \
  ENTRY(grouped_rows_##suffix)                                                                                   \
  KERNEL adapter_add_##suffix(GroupedArguments g, int64_t tokens) { grouped::add<T>(g, tokens); }                \
  ENTRY(adapter_add_##suffix)
GROUPED(f32, float)
GROUPED(f16, f16)
GROUPED(bf16, bf16)
#undef GROUPED
