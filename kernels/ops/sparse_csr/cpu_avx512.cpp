#include "cpu/intrinsics.h"
#include "ops/matrices/avx512_rows.h"

namespace ridgepoint::avx512 {
namespace {

// Sixteen kept weights, their activations, and their products added to a sum. `lanes` says which of the sixteen there are.
struct FloatLanes {
  using Vector = float;
  static const float* vectors(const ops::Rounded& x) { return x.floats; }
  static __m512 gather(__mmask16 lanes, __m512i columns, const float* x) {
    return _mm512_mask_i32gather_ps(_mm512_setzero_ps(), lanes, columns, x, 4);
  }
};

struct F32 : FloatLanes {
  using Element = float;
  static __m512 weights(__mmask16 lanes, const float* w) { return _mm512_maskz_loadu_ps(lanes, w); }
};

struct F16 : FloatLanes {
  using Element = uint16_t;
  static __m512 weights(__mmask16 lanes, const uint16_t* w) { return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(lanes, w)); }
};

struct Bf16 {
  using Element = uint16_t;
  using Vector = uint16_t;
  static const uint16_t* vectors(const ops::Rounded& x) { return x.bfloats; }
  static __m512 widen(__m512i bits) { return _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16)); }
  static __m512 weights(__mmask16 lanes, const uint16_t* w) {
    return widen(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(lanes, w)));
  }
  // Takes two bytes too many, which the shift drops.
  static __m512 gather(__mmask16 lanes, __m512i columns, const uint16_t* x) {
    return widen(_mm512_mask_i32gather_epi32(_mm512_setzero_si512(), lanes, columns, x, 2));
  }
};

// Sums of products of integers below 2^24 are exact in f32 for a row or two; beyond, they round as other sums do.
struct Int8 {
  using Element = int8_t;
  using Vector = int8_t;
  static const int8_t* vectors(const ops::Rounded& x) { return x.integers; }
  static __m512 weights(__mmask16 lanes, const int8_t* w) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(lanes, w)));
  }
  // Takes three bytes too many, which the shifts drop.
  static __m512 gather(__mmask16 lanes, __m512i columns, const int8_t* x) {
    const __m512i four = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), lanes, columns, x, 1);
    return _mm512_cvtepi32_ps(_mm512_srai_epi32(_mm512_slli_epi32(four, 24), 24));
  }
};

template <typename Type>
float row_times(const ops::Packed& w, uint64_t from, uint64_t to, const typename Type::Vector* x) {
  const auto* values = static_cast<const typename Type::Element*>(w.values);
  __m512 even = _mm512_setzero_ps();
  __m512 odd = _mm512_setzero_ps();
  const auto add = [&](__mmask16 lanes, uint64_t at, __m512 sum) {
    const __m512i columns = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(lanes, w.places + at));
    return _mm512_fmadd_ps(Type::weights(lanes, values + at), Type::gather(lanes, columns, x), sum);
  };
  for (; from + 32 <= to; from += 32) {
    even = add(0xffff, from, even);
    odd = add(0xffff, from + 16, odd);
  }
  for (; from < to; from += 16) {
    const uint64_t left = to - from;
    even = add(static_cast<__mmask16>(left >= 16 ? 0xffff : (1 << left) - 1), from, even);
  }
  return _mm512_reduce_add_ps(_mm512_add_ps(even, odd));
}

template <typename Type>
void rows(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {
  for (int64_t row = begin; row < end; row++) {
    for (int64_t b = 0; b < x.batch; b++) {
      const float sum = row_times<Type>(w, w.starts[row], w.starts[row + 1], Type::vectors(x) + b * x.stride);
      y[b * w.rows + row] = w.row_scales == nullptr ? sum : sum * (w.row_scales[row] * x.scales[b]);
    }
  }
}

}  // namespace

RIDGE_ROWS(csr_f32, rows<F32>)
RIDGE_ROWS(csr_f16, rows<F16>)
RIDGE_ROWS(csr_bf16, rows<Bf16>)
RIDGE_ROWS(csr_int8, rows<Int8>)

}  // namespace ridgepoint::avx512
