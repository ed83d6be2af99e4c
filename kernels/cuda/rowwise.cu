// Ops that go through rows of numbers once, in and out in the same type: what they cost is their bytes. A block has a row; what
// it reads a second time is in the caches.
#include "machine/machine.h"

namespace rowwise {

constexpr int kThreads = 256;

template <class T>
DEVICE void rms_norm(const T* x, const float* weights, int32_t length, float epsilon, T* y, float* scratch) {
  const int64_t first = static_cast<int64_t>(blockIdx.x) * length;
  float squares = 0;
  for (int32_t i = static_cast<int32_t>(threadIdx.x); i < length; i += kThreads) {
    const float value = widen(x[first + i]);
    squares += value * value;
  }
  const float factor = 1.0f / root(block_sum(squares, scratch) / static_cast<float>(length) + epsilon);
  for (int32_t i = static_cast<int32_t>(threadIdx.x); i < length; i += kThreads) {
    narrow(widen(x[first + i]) * factor * weights[i], y + first + i);
  }
}

// The variance in a second pass: the difference of two large sums would lose it.
template <class T>
DEVICE void layer_norm(const T* x, const float* weights, const float* biases, int32_t length, float epsilon, T* y,
                       float* scratch) {
  const int64_t first = static_cast<int64_t>(blockIdx.x) * length;
  float sum = 0, squares = 0;
  for (int32_t i = static_cast<int32_t>(threadIdx.x); i < length; i += kThreads) sum += widen(x[first + i]);
  const float mean = block_sum(sum, scratch) / static_cast<float>(length);
  for (int32_t i = static_cast<int32_t>(threadIdx.x); i < length; i += kThreads) {
    const float value = widen(x[first + i]) - mean;
    squares += value * value;
  }
  const float factor = 1.0f / root(block_sum(squares, scratch) / static_cast<float>(length) + epsilon);
  for (int32_t i = static_cast<int32_t>(threadIdx.x); i < length; i += kThreads) {
    narrow((widen(x[first + i]) - mean) * factor * weights[i] + biases[i], y + first + i);
  }
}

template <class T>
DEVICE void softmax(const T* x, int32_t length, T* y, float* scratch) {
  const int64_t first = static_cast<int64_t>(blockIdx.x) * length;
  float top = -infinity(), sum = 0;
  for (int32_t i = static_cast<int32_t>(threadIdx.x); i < length; i += kThreads) top = larger(top, widen(x[first + i]));
  top = block_max(top, scratch);
  for (int32_t i = static_cast<int32_t>(threadIdx.x); i < length; i += kThreads) {
    sum += accurate_exponential(widen(x[first + i]) - top);
  }
  const float factor = 1.0f / block_sum(sum, scratch);
  for (int32_t i = static_cast<int32_t>(threadIdx.x); i < length; i += kThreads) {
    narrow(accurate_exponential(widen(x[first + i]) - top) * factor, y + first + i);
  }
}

// cosines, sines: [rows / heads][length / 2]. One thread for each pair.
template <class T>
DEVICE void rope(const T* x, const float* cosines, const float* sines, int64_t rows, int32_t length, int32_t heads,
                 int32_t interleaved, T* y) {
  const int32_t half = length / 2;
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= rows * half) return;
  const int64_t row = i / half, pair = i % half, angle = row / heads * half + pair;
  const int64_t first = row * length + (interleaved != 0 ? 2 * pair : pair);
  const int64_t second = first + (interleaved != 0 ? 1 : half);
  const float u = widen(x[first]), v = widen(x[second]), c = cosines[angle], s = sines[angle];
  narrow(u * c - v * s, y + first);
  narrow(u * s + v * c, y + second);
}

DEVICE float silu(float x) { return x / (1.0f + accurate_exponential(-x)); }
// x / (1 + e^-2u) is x (1 + tanh u) / 2.
DEVICE float gelu(float x) {
  const float u = 0.7978845608f * (x + 0.044715f * x * x * x);
  return x / (1.0f + accurate_exponential(-2.0f * u));
}

}  // namespace rowwise

// A block of 256 threads for each row, or (rope and below) a thread for each pair or number.
#define ROWWISE(suffix, T)                                                                                                  \
  KERNEL THREADS(rowwise::kThreads) rms_norm_##suffix(const T* x, const float* weights, int32_t length, float epsilon, T* y) { \
    SHARED float scratch[32];                                                                                               \
    rowwise::rms_norm<T>(x, weights, length, epsilon, y, scratch);                                                          \
  }                                                                                                                         \
  ENTRY(rms_norm_##suffix)                                                                                                  \
  KERNEL THREADS(rowwise::kThreads) layer_norm_##suffix(const T* x, const float* weights, const float* biases,              \
                                                        int32_t length, float epsilon, T* y) {                              \
    SHARED float scratch[32];                                                                                               \
    rowwise::layer_norm<T>(x, weights, biases, length, epsilon, y, scratch);                                                \
  }                                                                                                                         \
  ENTRY(layer_norm_##suffix)                                                                                                \
  KERNEL THREADS(rowwise::kThreads) softmax_##suffix(const T* x, int32_t length, T* y) {                                    \
    SHARED float scratch[32];                                                                                               \
    rowwise::softmax<T>(x, length, y, scratch);                                                                             \
  }                                                                                                                         \
  ENTRY(softmax_##suffix)                                                                                                   \
  KERNEL THREADS(rowwise::kThreads) rope_##suffix(const T* x, const float* cosines, const float* sines, int64_t rows,       \
                                                  int32_t length, int32_t heads, int32_t interleaved, T* y) {               \
    rowwise::rope<T>(x, cosines, sines, rows, length, heads, interleaved, y);                                               \
  }                                                                                                                         \
  ENTRY(rope_##suffix)                                                                                                      \
  KERNEL THREADS(rowwise::kThreads) silu_mul_##suffix(const T* x, const T* second, int64_t count, T* y) {                   \
    const int64_t i = static_cast<int64_t>(blockIdx.x) * rowwise::kThreads + threadIdx.x;                                   \
    if (i < count) narrow(rowwise::silu(widen(x[i])) * widen(second[i]), y + i);                                            \
  }                                                                                                                         \
  ENTRY(silu_mul_##suffix)                                                                                                  \
  KERNEL THREADS(rowwise::kThreads) gelu_##suffix(const T* x, int64_t count, T* y) {                                        \
    const int64_t i = static_cast<int64_t>(blockIdx.x) * rowwise::kThreads + threadIdx.x;                                   \
    if (i < count) narrow(rowwise::gelu(widen(x[i])), y + i);                                                               \
  }                                                                                                                         \
  ENTRY(gelu_##suffix)
ROWWISE(f32, float)
ROWWISE(f16, f16)
ROWWISE(bf16, bf16)
#undef ROWWISE
