// x as the arithmetic of the weights' type takes it: rounded to 16 bits, or to whole numbers with a scale.
#include "machine/machine.h"

namespace {

// 127 / the largest magnitude, and its inverse; zeros stay zeros.
DEVICE float whole_numbers_for(float most) { return most == 0 ? 0.0f : 127.0f / most; }
DEVICE int8_t whole(float value, float inverse) { return static_cast<int8_t>(nearest(value * inverse)); }

}  // namespace

// One thread for each number.
KERNEL round_to_f16(const float* x, int64_t count, f16* to) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < count) narrow(x[i], to + i);
}
ENTRY(round_to_f16)
KERNEL round_to_bf16(const float* x, int64_t count, bf16* to) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < count) narrow(x[i], to + i);
}
ENTRY(round_to_bf16)
// Floats that are bf16s.
KERNEL round_like_bf16(const float* x, int64_t count, float* to) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= count) return;
  bf16 rounded;
  narrow(x[i], &rounded);
  to[i] = widen(rounded);
}
ENTRY(round_like_bf16)

// One block of at most 1024 threads for each row, which gets one scale.
KERNEL round_rows_to_int8(const float* x, int32_t columns, int8_t* to, float* scales) {
  SHARED float scratch[32];
  const float* row = x + static_cast<int64_t>(blockIdx.x) * columns;
  float most = 0;
  for (int32_t i = static_cast<int32_t>(threadIdx.x); i < columns; i += static_cast<int32_t>(blockDim.x)) {
    most = larger(most, larger(row[i], -row[i]));
  }
  most = block_max(most, scratch);
  const float inverse = whole_numbers_for(most);
  int8_t* own = to + static_cast<int64_t>(blockIdx.x) * columns;
  for (int32_t i = static_cast<int32_t>(threadIdx.x); i < columns; i += static_cast<int32_t>(blockDim.x)) own[i] = whole(row[i], inverse);
  if (threadIdx.x == 0) scales[blockIdx.x] = most / 127.0f;
}
ENTRY(round_rows_to_int8)

// One warp for each 32 numbers, which get one scale.
KERNEL round_blocks_to_int8(const float* x, int64_t blocks, int8_t* to, float* scales) {
  const int64_t block = static_cast<int64_t>(blockIdx.x) * (blockDim.x / kWarp) + warp_index();
  if (block >= blocks) return;
  const float value = x[32 * block + lane_index()];
  const float most = warp_max(larger(value, -value));
  to[32 * block + lane_index()] = whole(value, whole_numbers_for(most));
  if (lane_index() == 0) scales[block] = most / 127.0f;
}
ENTRY(round_blocks_to_int8)

// One warp for each 32 numbers: what int8 with a scale makes of them, in halves, for products with weights in halves.
KERNEL round_blocks_to_f16(const float* x, int64_t blocks, f16* to) {
  const int64_t block = static_cast<int64_t>(blockIdx.x) * (blockDim.x / kWarp) + warp_index();
  if (block >= blocks) return;
  const float value = x[32 * block + lane_index()];
  const float most = warp_max(larger(value, -value));
  narrow(nearest(value * whole_numbers_for(most)) * (most / 127.0f), to + 32 * block + lane_index());
}
ENTRY(round_blocks_to_f16)
