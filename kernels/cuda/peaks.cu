// What arithmetic gives: multiply-adds from registers, in chains enough to hide their latency. Each kernel adds the product
// `a` times `b` to every chain `rounds` times; the operands come as arguments, so that no compiler knows the result, and
// with a = b = 1 every sum is the number of its additions, exactly: what is counted is what was done.
#include "machine/machine.h"

namespace {

constexpr int kChains = 8;
constexpr int kUnrolled = 4;
// Sums of 16 x 8 that a warp holds for matrix products.
constexpr int kTiles = 4;

DEVICE unsigned place() { return blockIdx.x * blockDim.x + threadIdx.x; }

template <class Sum, class Operand>
using Step = void (*)(Sum&, Operand, Operand);

template <class Sum, class Operand, Step<Sum, Operand> step>
DEVICE Sum chains(Operand a, Operand b, int rounds, Sum* first) {
  Sum sums[kChains] = {};
  for (int round = 0; round < rounds; round += kUnrolled) {
#pragma unroll
    for (int i = 0; i < kUnrolled; i++) {
#pragma unroll
      for (int k = 0; k < kChains; k++) step(sums[k], a, b);
    }
  }
  *first = sums[0];
  // The other chains have to be looked at, too, or the compiler leaves them away; they all equal the first.
  Sum differs = 0;
  for (int k = 1; k < kChains; k++) differs += sums[k] == sums[0] ? 0 : 1;
  return differs;
}

template <class Sum, void (*step)(Sum*, const uint32_t*, const uint32_t*)>
DEVICE void tiles(uint32_t a, uint32_t b, int rounds, Sum* out) {
  const uint32_t left[4] = {a, a, a, a}, right[2] = {b, b};
  Sum sums[kTiles][4] = {};
  for (int round = 0; round < rounds; round++) {
#pragma unroll
    for (int k = 0; k < kTiles; k++) step(sums[k], left, right);
  }
  for (int k = 0; k < kTiles; k++) {
    for (int i = 0; i < 4; i++) out[(place() * kTiles + k) * 4 + i] = sums[k][i];
  }
}

}  // namespace

// out: two for each thread of the grid: a chain's sum, and how many chains differ from it. rounds: a multiple of 4.
#define VECTOR_PEAK(name, Sum, Operand, step)                                      \
  KERNEL name(Operand a, Operand b, int32_t rounds, Sum* out) {                    \
    Sum sum;                                                                       \
    const Sum differs = chains<Sum, Operand, step>(a, b, rounds, &sum);            \
    out[2 * place()] = sum;                                                        \
    out[2 * place() + 1] = differs;                                                \
  }                                                                                \
  ENTRY(name)
VECTOR_PEAK(peak_f64, double, double, fma_f64)
VECTOR_PEAK(peak_f32, float, float, fma_f32)
// Two elements a word.
VECTOR_PEAK(peak_f16, uint32_t, uint32_t, fma_f16x2)
VECTOR_PEAK(peak_bf16, uint32_t, uint32_t, fma_bf16x2)
// Four elements a word.
VECTOR_PEAK(peak_int8, int, uint32_t, dot_int8x4)
#undef VECTOR_PEAK

// a, b: a word of equal elements. out: sixteen sums for each thread of the grid, whole warps. A product has 16 x 8 sums of
// 32 bytes of elements each.
#define MATRIX_PEAK(name, Sum, step)                                               \
  KERNEL name(uint32_t a, uint32_t b, int32_t rounds, Sum* out) {                  \
    tiles<Sum, step>(a, b, rounds, out);                                           \
  }                                                                                \
  ENTRY(name)
MATRIX_PEAK(peak_matrix_f16, float, mma_f16)
MATRIX_PEAK(peak_matrix_bf16, float, mma_bf16)
MATRIX_PEAK(peak_matrix_tf32, float, mma_tf32)
MATRIX_PEAK(peak_matrix_int8, int, mma_int8)
MATRIX_PEAK(peak_matrix_fp8, float, mma_e4m3)
#undef MATRIX_PEAK
