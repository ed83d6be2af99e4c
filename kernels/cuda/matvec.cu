// y = W x for one x: memory decides, so every kernel reads its weights once, neighbouring lanes neighbouring bytes. A warp has
// a row (dense: kRows rows, which share what is read of x). x is f32 and stays in the caches.
#include "machine/machine.h"

namespace {

constexpr int kRows = 2;

// What a type multiplies with, and in what it adds up: int8 in whole numbers, all others in f32.
template <class T>
struct Arithmetic {
  using Input = float;
  using Sum = float;
};
template <>
struct Arithmetic<int8_t> {
  using Input = int8_t;
  using Sum = int;
};
template <class T>
using Input = typename Arithmetic<T>::Input;
template <class T>
using Sum = typename Arithmetic<T>::Sum;

DEVICE int number(int8_t value) { return value; }
template <class T>
DEVICE float number(T value) {
  return widen(value);
}

// The rows that this warp has: `each` of them from here on.
DEVICE int64_t first_row(int each) { return (static_cast<int64_t>(blockIdx.x) * (blockDim.x / kWarp) + warp_index()) * each; }

DEVICE float sum_of_warp(float sum) { return warp_sum(sum); }
DEVICE float sum_of_warp(int sum) {
  for (unsigned step = kWarp / 2; step > 0; step /= 2) sum += static_cast<int>(shuffle_xor(static_cast<unsigned>(sum), step));
  return static_cast<float>(sum);
}

// scales: one for each row and one for x, or both null.
struct Result {
  float* y;
  const float* row_scales;
  const float* x_scale;
};

template <class Sum>
DEVICE void store_sum(Sum sum, int64_t row, const Result& result) {
  float value = sum_of_warp(sum);
  if (result.row_scales != nullptr) value *= result.row_scales[row] * *result.x_scale;
  if (lane_index() == 0) result.y[row] = value;
}

// Sixteen bytes of weights with as many numbers of x.
template <class T>
DEVICE float add_products(const Vector128& weights, const float* x, float sum) {
  constexpr int kEach = 16 / static_cast<int>(sizeof(T));
  float inputs[kEach];
  load_widened<kEach>(x, inputs);
  const T* own = reinterpret_cast<const T*>(&weights);
#pragma unroll
  for (int i = 0; i < kEach; i++) sum += widen(own[i]) * inputs[i];
  return sum;
}
template <class T>
DEVICE int add_products(const Vector128& weights, const int8_t* x, int sum) {
  const Vector128 inputs = *reinterpret_cast<const Vector128*>(x);
#pragma unroll
  for (int i = 0; i < 4; i++) dot_int8x4(sum, weights.words[i], inputs.words[i]);
  return sum;
}

template <class T>
DEVICE void dense(const T* weights, const Input<T>* x, int32_t rows, int32_t columns, const Result& result) {
  constexpr int kEach = 16 / static_cast<int>(sizeof(T));
  const int64_t row = first_row(kRows);
  if (row >= rows) return;
  // The last warp may have a row less; it then reads its first one twice.
  const T* lines[kRows];
#pragma unroll
  for (int r = 0; r < kRows; r++) lines[r] = weights + (row + r < rows ? row + r : row) * columns;
  Sum<T> sums[kRows] = {};
#pragma unroll 2
  for (int32_t at = static_cast<int32_t>(lane_index()) * kEach; at < columns; at += kWarp * kEach) {
#pragma unroll
    for (int r = 0; r < kRows; r++) sums[r] = add_products<T>(*reinterpret_cast<const Vector128*>(lines[r] + at), x + at, sums[r]);
  }
  for (int r = 0; r < kRows; r++) {
    if (row + r < rows) store_sum(sums[r], row + r, result);
  }
}

// A lane has eight columns at a time: a byte of the bitmap, and where in the row its kept weights begin.
template <class T>
DEVICE void bitmap(const uint8_t* index, const uint32_t* starts, const T* values, const Input<T>* x, int32_t rows,
                   int32_t columns, const Result& result) {
  const int64_t row = first_row(1);
  if (row >= rows) return;
  const int32_t row_bytes = columns / 8;
  const uint8_t* bits = index + row * row_bytes;
  const unsigned lane = lane_index();
  uint32_t start = starts[row];
  Sum<T> sum = 0;
  for (int32_t base = 0; base < row_bytes; base += kWarp) {
    const int32_t byte = base + static_cast<int32_t>(lane);
    const unsigned kept = byte < row_bytes ? bits[byte] : 0;
    const unsigned own = static_cast<unsigned>(ones(kept));
    unsigned before = own;
    for (unsigned step = 1; step < kWarp; step *= 2) {
      const unsigned lower = shuffle_up(before, step);
      if (lane >= step) before += lower;
    }
    const T* at = values + start + before - own;
#pragma unroll
    for (int i = 0; i < 8; i++) {
      if ((kept >> i & 1) != 0) sum += number(*at++) * number(x[8 * byte + i]);
    }
    start += shuffle(before, kWarp - 1);
  }
  store_sum(sum, row, result);
}

// Four numbers of x, and one of them by its place.
DEVICE void load_four(const float* from, float* four) { load_widened<4>(from, four); }
DEVICE void load_four(const int8_t* from, int* four) {
  const uint32_t word = *reinterpret_cast<const uint32_t*>(from);
#pragma unroll
  for (int i = 0; i < 4; i++) four[i] = static_cast<int8_t>(word >> (8 * i));
}
template <class N>
DEVICE N chosen(const N* four, unsigned place) {
  const N low = (place & 1) != 0 ? four[1] : four[0], high = (place & 1) != 0 ? four[3] : four[2];
  return (place & 2) != 0 ? high : low;
}

// A lane has a group of four columns at a time, of which two weights are kept.
template <class T>
DEVICE void two_of_four(const uint8_t* index, const T* values, const Input<T>* x, int32_t rows, int32_t columns,
                        const Result& result) {
  const int64_t row = first_row(1);
  if (row >= rows) return;
  const int32_t groups = columns / 4;
  const uint8_t* places = index + row * (columns / 8);
  const T* kept = values + row * (columns / 2);
  Sum<T> sum = 0;
#pragma unroll 4
  for (int32_t group = static_cast<int32_t>(lane_index()); group < groups; group += kWarp) {
    const unsigned nibble = places[group / 2] >> (group % 2 * 4) & 15u;
    Sum<T> four[4];
    load_four(x + 4 * group, four);
    sum += number(kept[2 * group]) * chosen(four, nibble & 3) + number(kept[2 * group + 1]) * chosen(four, nibble >> 2);
  }
  store_sum(sum, row, result);
}

template <class T>
DEVICE void csr(const uint16_t* index, const uint32_t* starts, const T* values, const Input<T>* x, int32_t rows,
                const Result& result) {
  const int64_t row = first_row(1);
  if (row >= rows) return;
  Sum<T> sum = 0;
#pragma unroll 4
  for (uint32_t at = starts[row] + lane_index(); at < starts[row + 1]; at += kWarp) sum += number(values[at]) * number(x[index[at]]);
  store_sum(sum, row, result);
}

// Blocks of a row: 16 columns side by side, all of them kept or none. index: which block of the row each is.
template <class T>
DEVICE void blocks(const uint16_t* index, const uint32_t* starts, const T* values, const Input<T>* x, int32_t rows,
                   const Result& result) {
  constexpr int kEach = 16 / static_cast<int>(sizeof(T)), kLanes = 16 / kEach;
  const int64_t row = first_row(1);
  if (row >= rows) return;
  // Lanes that share a block have 16 bytes of it each.
  const uint32_t part = lane_index() % kLanes;
  Sum<T> sum = 0;
#pragma unroll 2
  for (uint32_t block = starts[row] + lane_index() / kLanes; block < starts[row + 1]; block += kWarp / kLanes) {
    const Vector128 own = *reinterpret_cast<const Vector128*>(values + static_cast<int64_t>(block) * 16 + part * kEach);
    sum = add_products<T>(own, x + 16 * index[block] + part * kEach, sum);
  }
  store_sum(sum, row, result);
}

}  // namespace

// columns: a multiple of 64. x: f32, for int8 whole numbers. row_scales, x_scale: of int8, null otherwise. One warp has kRows
// rows (dense) or one; whole warps in a block.
#define MATVEC(suffix, T)                                                                                                   \
  KERNEL matvec_##suffix(const T* weights, const Input<T>* x, const float* row_scales, const float* x_scale, int32_t rows,  \
                         int32_t columns, float* y) {                                                                       \
    dense<T>(weights, x, rows, columns, {y, row_scales, x_scale});                                                          \
  }                                                                                                                         \
  ENTRY(matvec_##suffix)                                                                                                    \
  KERNEL matvec_bitmap_##suffix(const uint8_t* index, const uint32_t* starts, const T* values, const Input<T>* x,           \
                                const float* row_scales, const float* x_scale, int32_t rows, int32_t columns, float* y) {   \
    bitmap<T>(index, starts, values, x, rows, columns, {y, row_scales, x_scale});                                           \
  }                                                                                                                         \
  ENTRY(matvec_bitmap_##suffix)                                                                                             \
  KERNEL matvec_2of4_##suffix(const uint8_t* index, const T* values, const Input<T>* x, const float* row_scales,            \
                              const float* x_scale, int32_t rows, int32_t columns, float* y) {                              \
    two_of_four<T>(index, values, x, rows, columns, {y, row_scales, x_scale});                                              \
  }                                                                                                                         \
  ENTRY(matvec_2of4_##suffix)                                                                                               \
  KERNEL matvec_csr_##suffix(const uint16_t* index, const uint32_t* starts, const T* values, const Input<T>* x,             \
                             const float* row_scales, const float* x_scale, int32_t rows, float* y) {                       \
    csr<T>(index, starts, values, x, rows, {y, row_scales, x_scale});                                                       \
  }                                                                                                                         \
  ENTRY(matvec_csr_##suffix)                                                                                                \
  KERNEL matvec_blocks_##suffix(const uint16_t* index, const uint32_t* starts, const T* values, const Input<T>* x,          \
                                const float* row_scales, const float* x_scale, int32_t rows, float* y) {                    \
    blocks<T>(index, starts, values, x, rows, {y, row_scales, x_scale});                                                    \
  }                                                                                                                         \
  ENTRY(matvec_blocks_##suffix)
MATVEC(f32, float)
MATVEC(f16, f16)
MATVEC(bf16, bf16)
MATVEC(int8, int8_t)
#undef MATVEC

// Blocks of 32 weights: nibbles of 16 bytes, low nibbles first, each 8 more than its weight, and a scale. x: whole numbers
// with a scale for each 32.
KERNEL matvec_int4(const Vector128* nibbles, const f16* scales, const int8_t* x, const float* x_scales, int32_t rows,
                   int32_t columns, float* y) {
  const int64_t row = first_row(1);
  if (row >= rows) return;
  const int32_t blocks = columns / 32;
  float sum = 0;
#pragma unroll 2
  for (int32_t block = static_cast<int32_t>(lane_index()); block < blocks; block += kWarp) {
    const Vector128 packed = nibbles[row * blocks + block];
    const Vector128* inputs = reinterpret_cast<const Vector128*>(x + 32 * block);
    const Vector128 first = inputs[0], second = inputs[1];
    int products = 0, offset = 0;
#pragma unroll
    for (int i = 0; i < 4; i++) {
      dot_int8x4(products, packed.words[i] & 0x0f0f0f0fu, first.words[i]);
      dot_int8x4(products, packed.words[i] >> 4 & 0x0f0f0f0fu, second.words[i]);
      dot_int8x4(offset, 0x08080808u, first.words[i]);
      dot_int8x4(offset, 0x08080808u, second.words[i]);
    }
    sum += static_cast<float>(products - offset) * widen(scales[row * blocks + block]) * x_scales[block];
  }
  store_sum(sum, row, {y, nullptr, nullptr});
}
ENTRY(matvec_int4)
