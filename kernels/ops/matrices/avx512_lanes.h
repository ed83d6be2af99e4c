// How 64 columns of each type are held in AVX-512 registers and multiplied. Include it inside a file of the level that the
// type needs: f32 and f16 avx512, int8 avx512vnni, bf16 avx512bf16.
#pragma once

#include "cpu/intrinsics.h"

#include "ops/matrices/rows_kernel.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

// Four registers of 16 numbers.
struct LanesF32 {
  using Element = float;
  using Vector = float;
  using Part = __m512;
  static constexpr int kParts = 4;
  using Sum = __m512;
  static const float* vectors(const ops::Rounded& x) { return x.floats; }
  static Part load(const float* w, int part) { return _mm512_load_ps(w + 16 * part); }
  static Sum zero() { return _mm512_setzero_ps(); }
  static Sum add(Part w, const float* x, int part, Sum sum) { return _mm512_fmadd_ps(w, _mm512_load_ps(x + 16 * part), sum); }
  static Sum join(Sum a, Sum b) { return _mm512_add_ps(a, b); }
  static float total(const ops::Packed&, const ops::Rounded&, int64_t, int64_t, Sum sum) { return _mm512_reduce_add_ps(sum); }
};

struct LanesF16 : LanesF32 {
  using Element = uint16_t;
  static Part load(const uint16_t* w, int part) {
    return _mm512_cvtph_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(w + 16 * part)));
  }
};

#if defined(__AVX512VNNI__)
struct LanesInt8 {
  using Element = int8_t;
  using Vector = uint8_t;
  using Part = __m512i;
  static constexpr int kParts = 1;
  using Sum = __m512i;
  static const uint8_t* vectors(const ops::Rounded& x) { return x.shifted; }
  static Part load(const int8_t* w, int) { return _mm512_load_si512(w); }
  static Sum zero() { return _mm512_setzero_si512(); }
  static Sum add(Part w, const uint8_t* x, int, Sum sum) { return _mm512_dpbusd_epi32(sum, _mm512_load_si512(x), w); }
  static Sum join(Sum a, Sum b) { return _mm512_add_epi32(a, b); }
  static float total(const ops::Packed& w, const ops::Rounded& x, int64_t row, int64_t b, Sum sum) {
    const int32_t all = _mm512_reduce_add_epi32(sum) + w.row_offsets[row];
    return static_cast<float>(all) * (w.row_scales[row] * x.scales[b]);
  }
};
#endif

#if defined(__AVX512BF16__)
struct LanesBf16 {
  using Element = uint16_t;
  using Vector = uint16_t;
  using Part = __m512i;
  static constexpr int kParts = 2;
  using Sum = __m512;
  static const uint16_t* vectors(const ops::Rounded& x) { return x.bfloats; }
  static Part load(const uint16_t* w, int part) { return _mm512_load_si512(w + 32 * part); }
  static Sum zero() { return _mm512_setzero_ps(); }
  static Sum add(Part w, const uint16_t* x, int part, Sum sum) {
    return _mm512_dpbf16_ps(sum, (__m512bh)w, (__m512bh)_mm512_load_si512(x + 32 * part));
  }
  static Sum join(Sum a, Sum b) { return _mm512_add_ps(a, b); }
  static float total(const ops::Packed&, const ops::Rounded&, int64_t, int64_t, Sum sum) { return _mm512_reduce_add_ps(sum); }
};
#endif

// One row times `B` vectors. Source gives the row's weights, 64 columns at a time. A few sums for each vector, so that
// no product waits for the one before.
template <typename Lanes, int B, typename Source>
inline void row_times(Source source, int64_t groups, const typename Lanes::Vector* x, int64_t stride,
                      typename Lanes::Sum* sums) {
  constexpr int kSums = B == 1 ? 4 : B == 2 ? 2 : 1;
  constexpr int kGroups = Lanes::kParts < kSums ? kSums / Lanes::kParts : 1;
  typename Lanes::Sum own[B][kSums];
  for (auto& vector : own) {
    for (auto& sum : vector) sum = Lanes::zero();
  }
  int64_t group = 0;
  for (; group + kGroups <= groups; group += kGroups) {
#pragma GCC unroll 4
    for (int g = 0; g < kGroups; g++) {
      typename Lanes::Part parts[Lanes::kParts];
      source.next(parts);
      const typename Lanes::Vector* at = x + (group + g) * 64;
#pragma GCC unroll 16
      for (int b = 0; b < B; b++) {
#pragma GCC unroll 4
        for (int p = 0; p < Lanes::kParts; p++) {
          auto& sum = own[b][(g * Lanes::kParts + p) % kSums];
          sum = Lanes::add(parts[p], at + b * stride, p, sum);
        }
      }
    }
  }
  for (; group < groups; group++) {
    typename Lanes::Part parts[Lanes::kParts];
    source.next(parts);
    for (int b = 0; b < B; b++) {
      for (int p = 0; p < Lanes::kParts; p++) own[b][0] = Lanes::add(parts[p], x + b * stride + group * 64, p, own[b][0]);
    }
  }
  for (int b = 0; b < B; b++) {
    for (int s = 1; s < kSums; s++) own[b][0] = Lanes::join(own[b][0], own[b][s]);
    sums[b] = own[b][0];
  }
}

// Rows of a matrix times all vectors, up to 16 of them at a time. Make(row) gives a row's source.
template <typename Lanes, typename Make>
inline void rows_times(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y, Make make) {
  const int64_t groups = w.stride / 64;
  const typename Lanes::Vector* vectors = Lanes::vectors(x);
  for (int64_t row = begin; row < end; row++) {
    for (int64_t first = 0; first < x.batch;) {
      const int64_t left = x.batch - first;
      const typename Lanes::Vector* at = vectors + first * x.stride;
      typename Lanes::Sum sums[16];
      const int count = left >= 16 ? 16 : left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
      switch (count) {
        case 16: row_times<Lanes, 16>(make(row), groups, at, x.stride, sums); break;
        case 8: row_times<Lanes, 8>(make(row), groups, at, x.stride, sums); break;
        case 4: row_times<Lanes, 4>(make(row), groups, at, x.stride, sums); break;
        case 2: row_times<Lanes, 2>(make(row), groups, at, x.stride, sums); break;
        default: row_times<Lanes, 1>(make(row), groups, at, x.stride, sums);
      }
      for (int b = 0; b < count; b++) y[(first + b) * w.rows + row] = Lanes::total(w, x, row, first + b, sums[b]);
      first += count;
    }
  }
}

}  // namespace
}  // namespace ridgepoint::RIDGE_LEVEL
