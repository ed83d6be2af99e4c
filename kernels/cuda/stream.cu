// What memory gives: reading, writing, copying and adding scaled, sixteen bytes a thread at a time, the whole grid striding
// over the arrays. Counts are of sixteen bytes. Also the empty kernel, whose time is that of a launch.
#include "machine/machine.h"

namespace {

DEVICE unsigned first_place() { return blockIdx.x * blockDim.x + threadIdx.x; }
DEVICE unsigned all_threads() { return gridDim.x * blockDim.x; }

}  // namespace

KERNEL empty_kernel() {}
ENTRY(empty_kernel)

// sums: one for each thread of the grid; keeps the compiler from leaving the loads away, and is the sum to check.
KERNEL stream_read(const Vector128* from, uint32_t count, float* sums) {
  float sum = 0;
  for (uint32_t i = first_place(); i < count; i += all_threads()) {
    const Vector128 loaded = from[i];
    sum += (bits_as_float(loaded.words[0]) + bits_as_float(loaded.words[1])) +
           (bits_as_float(loaded.words[2]) + bits_as_float(loaded.words[3]));
  }
  sums[first_place()] = sum;
}
ENTRY(stream_read)

KERNEL stream_write(Vector128* to, uint32_t count, float value) {
  const uint32_t bits = float_as_bits(value);
  const Vector128 stored = {{bits, bits, bits, bits}};
  for (uint32_t i = first_place(); i < count; i += all_threads()) to[i] = stored;
}
ENTRY(stream_write)

KERNEL stream_copy(const Vector128* from, Vector128* to, uint32_t count) {
  for (uint32_t i = first_place(); i < count; i += all_threads()) to[i] = from[i];
}
ENTRY(stream_copy)

// to = a + factor * b, floats.
KERNEL stream_triad(const Vector128* a, const Vector128* b, float factor, Vector128* to, uint32_t count) {
  for (uint32_t i = first_place(); i < count; i += all_threads()) {
    const Vector128 left = a[i], right = b[i];
    Vector128 sum;
    for (int k = 0; k < 4; k++) {
      sum.words[k] = float_as_bits(bits_as_float(left.words[k]) + factor * bits_as_float(right.words[k]));
    }
    to[i] = sum;
  }
}
ENTRY(stream_triad)

// Keeps the device busy for a while, so that what is queued behind it starts without gaps.
KERNEL spin(int64_t nanoseconds) {
  const uint64_t begin = clock_nanoseconds();
  while (static_cast<int64_t>(clock_nanoseconds() - begin) < nanoseconds) {
  }
}
ENTRY(spin)
