// Tiles with AVX-512: how the kept weights of one are spread over registers, and how registers are multiplied. Include it inside
// a file of the level that the type needs: f32 and f16 avx512, int8 avx512vnni (which spreads 8 bits), bf16 avx512bf16.
#pragma once

#include "cpu/intrinsics.h"
#include "ops/matrices/rows_kernel.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

struct TilesF32 {
  using Element = float;
  using Vector = float;
  using Sum = __m512;
  static constexpr int kParts = 4;
  using Part = __m512;
  static const float* vectors(const ops::Rounded& x) { return x.floats; }
  // All 64 weights of a tile.
  static void load(const float* values, Part* parts) {
    for (int p = 0; p < 4; p++) parts[p] = _mm512_loadu_ps(values + 16 * p);
  }
  static const float* spread(const uint64_t* mask, const float* values, Part* parts) {
    const uint64_t word = *mask;
    const auto* piece = reinterpret_cast<const __mmask16*>(mask);
    _mm_prefetch(reinterpret_cast<const char*>(values) + ops::kAhead, _MM_HINT_T0);
    _mm_prefetch(reinterpret_cast<const char*>(values) + ops::kAhead + 64, _MM_HINT_T0);
    parts[0] = _mm512_maskz_expand_ps(piece[0], _mm512_loadu_ps(values));
    parts[1] = _mm512_maskz_expand_ps(piece[1], _mm512_loadu_ps(values + _mm_popcnt_u32(static_cast<uint16_t>(word))));
    parts[2] = _mm512_maskz_expand_ps(piece[2], _mm512_loadu_ps(values + _mm_popcnt_u32(static_cast<uint32_t>(word))));
    parts[3] = _mm512_maskz_expand_ps(piece[3], _mm512_loadu_ps(values + _mm_popcnt_u64(word & 0xffffffffffffull)));
    return values + _mm_popcnt_u64(word);
  }
  static Sum first(const ops::Rounded&, int64_t) { return _mm512_setzero_ps(); }
  static Sum zero() { return _mm512_setzero_ps(); }
  // x: the tile's four activations.
  static Sum add(Part w, const float* x, int part, Sum sum) { return _mm512_fmadd_ps(w, _mm512_set1_ps(x[part]), sum); }
  static Sum join(Sum a, Sum b) { return _mm512_add_ps(a, b); }
  static __m512 total(const ops::Packed&, const ops::Rounded&, int64_t, int64_t, __mmask16, Sum sum) { return sum; }
};

struct TilesF16 : TilesF32 {
  using Element = uint16_t;
  static Part load(const uint16_t* values) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(values)));
  }
  static void load(const uint16_t* values, Part* parts) {
    for (int p = 0; p < 4; p++) parts[p] = load(values + 16 * p);
  }
  // Widened first and spread then: twice as fast on Zen 5 as vpexpandw, whose halves have to be taken apart again.
  static const uint16_t* spread(const uint64_t* mask, const uint16_t* values, Part* parts) {
    const uint64_t word = *mask;
    const auto* piece = reinterpret_cast<const __mmask16*>(mask);
    _mm_prefetch(reinterpret_cast<const char*>(values) + ops::kAhead, _MM_HINT_T0);
    parts[0] = _mm512_maskz_expand_ps(piece[0], load(values));
    parts[1] = _mm512_maskz_expand_ps(piece[1], load(values + _mm_popcnt_u32(static_cast<uint16_t>(word))));
    parts[2] = _mm512_maskz_expand_ps(piece[2], load(values + _mm_popcnt_u32(static_cast<uint32_t>(word))));
    parts[3] = _mm512_maskz_expand_ps(piece[3], load(values + _mm_popcnt_u64(word & 0xffffffffffffull)));
    return values + _mm_popcnt_u64(word);
  }
};

#if defined(__AVX512VBMI2__)
struct TilesInt8 {
  using Element = uint8_t;
  using Vector = int8_t;
  using Sum = __m512i;
  static constexpr int kParts = 1;
  using Part = __m512i;
  static const int8_t* vectors(const ops::Rounded& x) { return x.integers; }
  static void load(const uint8_t* values, Part* parts) { parts[0] = _mm512_loadu_si512(values); }
  static const uint8_t* spread(const uint64_t* mask, const uint8_t* values, Part* parts) {
    _mm_prefetch(reinterpret_cast<const char*>(values) + ops::kAhead, _MM_HINT_T0);
    // A weight of 0 is 128 with its offset.
    const __m512i nothing = _mm512_set1_epi8(static_cast<char>(128));
    const __mmask64 kept = _load_mask64(reinterpret_cast<__mmask64*>(const_cast<uint64_t*>(mask)));
    parts[0] = _mm512_mask_expand_epi8(nothing, kept, _mm512_loadu_si512(values));
    return values + _mm_popcnt_u64(*mask);
  }
  static Sum zero() { return _mm512_setzero_si512(); }
  static Sum first(const ops::Rounded& x, int64_t b) { return _mm512_set1_epi32(x.offsets[b]); }
  static Sum add(Part w, const int8_t* x, int, Sum sum) {
    int32_t four;
    __builtin_memcpy(&four, x, 4);
    return _mm512_dpbusd_epi32(sum, w, _mm512_set1_epi32(four));
  }
  static Sum join(Sum a, Sum b) { return _mm512_add_epi32(a, b); }
  static __m512 total(const ops::Packed& w, const ops::Rounded& x, int64_t row, int64_t b, __mmask16 valid, Sum sum) {
    const __m512 scales = _mm512_mul_ps(_mm512_maskz_loadu_ps(valid, w.row_scales + row), _mm512_set1_ps(x.scales[b]));
    return _mm512_mul_ps(_mm512_cvtepi32_ps(sum), scales);
  }
};

// Weights signed, activations unsigned: for blocks.
struct TilesSigned : TilesInt8 {
  using Vector = uint8_t;
  static const uint8_t* vectors(const ops::Rounded& x) { return x.shifted; }
  static Sum first(const ops::Rounded&, int64_t) { return zero(); }
  static Sum add(Part w, const uint8_t* x, int, Sum sum) {
    int32_t four;
    __builtin_memcpy(&four, x, 4);
    return _mm512_dpbusd_epi32(sum, _mm512_set1_epi32(four), w);
  }
  static __m512 total(const ops::Packed& w, const ops::Rounded& x, int64_t row, int64_t b, __mmask16 valid, Sum sum) {
    return TilesInt8::total(w, x, row, b, valid, _mm512_add_epi32(sum, _mm512_maskz_loadu_epi32(valid, w.row_offsets + row)));
  }
};
#endif

#if defined(__AVX512BF16__)
struct TilesBf16 {
  using Element = uint16_t;
  using Vector = uint16_t;
  using Sum = __m512;
  static constexpr int kParts = 2;
  using Part = __m512i;
  static const uint16_t* vectors(const ops::Rounded& x) { return x.bfloats; }
  static void load(const uint16_t* values, Part* parts) {
    parts[0] = _mm512_loadu_si512(values);
    parts[1] = _mm512_loadu_si512(values + 32);
  }
  static const uint16_t* spread(const uint64_t* mask, const uint16_t* values, Part* parts) {
    const uint64_t word = *mask;
    const auto* piece = reinterpret_cast<const __mmask32*>(mask);
    _mm_prefetch(reinterpret_cast<const char*>(values) + ops::kAhead, _MM_HINT_T0);
    parts[0] = _mm512_maskz_expand_epi16(piece[0], _mm512_loadu_si512(values));
    parts[1] = _mm512_maskz_expand_epi16(piece[1], _mm512_loadu_si512(values + _mm_popcnt_u32(static_cast<uint32_t>(word))));
    return values + _mm_popcnt_u64(word);
  }
  static Sum zero() { return _mm512_setzero_ps(); }
  static Sum first(const ops::Rounded&, int64_t) { return _mm512_setzero_ps(); }
  static Sum add(Part w, const uint16_t* x, int part, Sum sum) {
    int32_t two;
    __builtin_memcpy(&two, x + 2 * part, 4);
    return _mm512_dpbf16_ps(sum, (__m512bh)w, (__m512bh)_mm512_set1_epi32(two));
  }
  static Sum join(Sum a, Sum b) { return _mm512_add_ps(a, b); }
  static __m512 total(const ops::Packed&, const ops::Rounded&, int64_t, int64_t, __mmask16, Sum sum) { return sum; }
};
#endif

// Which tiles of 16 rows there are, one after the other: all, with their kept weights.
template <typename Tiles>
struct MaskedTiles {
  const uint64_t* mask;
  const typename Tiles::Element* values;
  int64_t column = 0;
  MaskedTiles(const ops::Packed& w, int64_t panel)
      : mask(w.mask + panel * (w.stride / 4)),
        values(static_cast<const typename Tiles::Element*>(w.values) + w.starts[panel]) {}
  static int64_t count(const ops::Packed& w, int64_t) { return w.stride / 4; }
  // Gives the next tile's weights. @returns its first column.
  inline int64_t next(typename Tiles::Part* parts) {
    values = Tiles::spread(mask++, values, parts);
    column += 4;
    return column - 4;
  }
};

// The same where every tile keeps 32: with 2 of 4, the next tile need not wait until this one is counted.
template <typename Tiles>
struct EvenTiles : MaskedTiles<Tiles> {
  using MaskedTiles<Tiles>::MaskedTiles;
  inline int64_t next(typename Tiles::Part* parts) {
    Tiles::spread(this->mask++, this->values, parts);
    this->values += 32;
    this->column += 4;
    return this->column - 4;
  }
};

// The tiles of the blocks that are left, whole.
template <typename Tiles>
struct BlockTiles {
  const uint16_t* place;
  const typename Tiles::Element* values;
  int64_t within = 0;
  BlockTiles(const ops::Packed& w, int64_t panel)
      : place(w.places + w.starts[panel]),
        values(static_cast<const typename Tiles::Element*>(w.values) + w.starts[panel] * 256) {}
  static int64_t count(const ops::Packed& w, int64_t panel) { return static_cast<int64_t>(w.starts[panel + 1] - w.starts[panel]) * 4; }
  inline int64_t next(typename Tiles::Part* parts) {
    const int64_t column = *place * 16 + within;
    Tiles::load(values, parts);
    values += 64;
    within = (within + 4) & 15;
    place += within == 0;
    return column;
  }
};

// 16 rows times B vectors.
template <typename Tiles, template <typename> class Source, int B>
inline void tile_rows(const ops::Packed& w, const ops::Rounded& x, int64_t panel, int64_t first, float* y) {
  constexpr int kSums = B == 1 ? 4 : B == 2 ? 2 : 1;
  constexpr int kUnroll = Tiles::kParts < kSums ? kSums / Tiles::kParts : 1;
  const typename Tiles::Vector* vectors = Tiles::vectors(x) + first * x.stride;
  typename Tiles::Sum sums[B][kSums];
  for (int b = 0; b < B; b++) {
    sums[b][0] = Tiles::first(x, first + b);
    for (int s = 1; s < kSums; s++) sums[b][s] = Tiles::zero();
  }
  Source<Tiles> source(w, panel);
  const int64_t count = Source<Tiles>::count(w, panel);
  int64_t tile = 0;
  for (; tile + kUnroll <= count; tile += kUnroll) {
#pragma GCC unroll 4
    for (int u = 0; u < kUnroll; u++) {
      typename Tiles::Part parts[Tiles::kParts];
      const typename Tiles::Vector* at = vectors + source.next(parts);
#pragma GCC unroll 16
      for (int b = 0; b < B; b++) {
#pragma GCC unroll 4
        for (int p = 0; p < Tiles::kParts; p++) {
          auto& sum = sums[b][(u * Tiles::kParts + p) % kSums];
          sum = Tiles::add(parts[p], at + b * x.stride, p, sum);
        }
      }
    }
  }
  // Both sources have a multiple of four tiles.
  const int64_t row = panel * 16;
  const int64_t left = w.rows - row;
  const auto valid = static_cast<__mmask16>(left >= 16 ? 0xffff : (1 << left) - 1);
  for (int b = 0; b < B; b++) {
    for (int s = 1; s < kSums; s++) sums[b][0] = Tiles::join(sums[b][0], sums[b][s]);
    _mm512_mask_storeu_ps(y + (first + b) * w.rows + row, valid, Tiles::total(w, x, row, first + b, valid, sums[b][0]));
  }
}

// Rows [begin, end), begin a multiple of 16, times all vectors, up to 16 of them at a time.
template <typename Tiles, template <typename> class Source>
inline void all_tiles(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {
  for (int64_t panel = begin / 16; panel * 16 < end; panel++) {
    for (int64_t first = 0; first < x.batch;) {
      const int64_t left = x.batch - first;
      const int count = left >= 16 ? 16 : left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
      switch (count) {
        case 16: tile_rows<Tiles, Source, 16>(w, x, panel, first, y); break;
        case 8: tile_rows<Tiles, Source, 8>(w, x, panel, first, y); break;
        case 4: tile_rows<Tiles, Source, 4>(w, x, panel, first, y); break;
        case 2: tile_rows<Tiles, Source, 2>(w, x, panel, first, y); break;
        default: tile_rows<Tiles, Source, 1>(w, x, panel, first, y);
      }
      first += count;
    }
  }
}

}  // namespace
}  // namespace ridgepoint::RIDGE_LEVEL
