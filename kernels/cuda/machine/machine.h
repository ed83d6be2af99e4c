// What a kernel asks of the machine beyond C++: on a GPU one PTX instruction each, on a CPU (`emulated/`) a plain function
// with the same meaning and the same layout of fragments. A kernel that includes nothing else compiles for both, so that
// its indexing and its barriers can be checked on a machine without a GPU.
//
// Fragments of a product of 16 x 32 bytes by 32 bytes x 8, whatever the element type (PTX ISA, "matrix fragments for
// mma"): with group = lane / 4 and place = lane % 4, a[0] = word `place` of row `group`, a[1] the same of row group + 8,
// a[2] and a[3] as these four words later; b[0], b[1] = words `place` and place + 4 of column `group`; d[0], d[1] =
// columns 2 place and 2 place + 1 of row `group`, d[2], d[3] the same of row group + 8.
#pragma once

#include "numbers.h"

#ifdef __CUDACC__
#include "ptx.h"
#else
#include "../emulated/instructions.h"
#endif

constexpr unsigned kWarp = 32;

DEVICE unsigned lane_index() { return threadIdx.x % kWarp; }
DEVICE unsigned warp_index() { return threadIdx.x / kWarp; }

// Sum or maximum over all lanes of a warp, in every lane. All lanes must take part.
DEVICE float warp_sum(float value) {
  for (unsigned step = kWarp / 2; step > 0; step /= 2) value += shuffle_xor(value, step);
  return value;
}
DEVICE float warp_max(float value) {
  for (unsigned step = kWarp / 2; step > 0; step /= 2) value = larger(value, shuffle_xor(value, step));
  return value;
}

// Sum or maximum over a block of whole warps, in every thread. `scratch`: a float for each warp, shared.
DEVICE float block_sum(float value, float* scratch) {
  value = warp_sum(value);
  if (lane_index() == 0) scratch[warp_index()] = value;
  barrier();
  float sum = 0;
  for (unsigned warp = 0; warp < blockDim.x / kWarp; warp++) sum += scratch[warp];
  barrier();
  return sum;
}
DEVICE float block_max(float value, float* scratch) {
  value = warp_max(value);
  if (lane_index() == 0) scratch[warp_index()] = value;
  barrier();
  float top = scratch[0];
  for (unsigned warp = 1; warp < blockDim.x / kWarp; warp++) top = larger(top, scratch[warp]);
  barrier();
  return top;
}

DEVICE float widen(float value) { return value; }
DEVICE float widen(int8_t value) { return static_cast<float>(value); }
DEVICE float widen(bf16 value) { return bits_as_float(static_cast<uint32_t>(value.bits) << 16); }
DEVICE void narrow(float value, float* to) { *to = value; }

// N consecutive elements as floats; `from` is aligned to sizeof(T) * N, or to 16 bytes where that is more.
template <int N, class T>
DEVICE void load_widened(const T* from, float* to) {
  constexpr int kBytes = N * static_cast<int>(sizeof(T));
  if constexpr (kBytes >= 16) {
    constexpr int kEach = 16 / static_cast<int>(sizeof(T));
    for (int part = 0; part < N / kEach; part++) {
      const Vector128 raw = reinterpret_cast<const Vector128*>(from)[part];
      const T* elements = reinterpret_cast<const T*>(&raw);
      for (int i = 0; i < kEach; i++) to[part * kEach + i] = widen(elements[i]);
    }
  } else {
    for (int i = 0; i < N; i++) to[i] = widen(from[i]);
  }
}
