// Instructions that multiply two rows with two columns: 2 x 8 int8 or 2 x 4 bf16 of each, 2 x 2 sums.
#include <arm_neon.h>

#include "roofs/matrix.h"

namespace ridgepoint {
namespace {

constexpr int kRowPairs = 4, kColumnPairs = 4;

struct Int8 {
  using Vector = int8x16_t;
  using Sum = int32x4_t;
  static Vector load(const char* from) { return vld1q_s8(reinterpret_cast<const int8_t*>(from)); }
  static Sum add(Sum sum, Vector a, Vector b) { return vmmlaq_s32(sum, a, b); }
  static void store(int32_t* to, int32x2_t two) { vst1_s32(to, two); }
  static int32x2_t low(Sum sum) { return vget_low_s32(sum); }
  static int32x2_t high(Sum sum) { return vget_high_s32(sum); }
};

struct Bf16 {
  using Vector = bfloat16x8_t;
  using Sum = float32x4_t;
  static Vector load(const char* from) { return vld1q_bf16(reinterpret_cast<const bfloat16_t*>(from)); }
  static Sum add(Sum sum, Vector a, Vector b) { return vbfmmlaq_f32(sum, a, b); }
  static void store(int32_t* to, float32x2_t two) { vst1_f32(reinterpret_cast<float*>(to), two); }
  static float32x2_t low(Sum sum) { return vget_low_f32(sum); }
  static float32x2_t high(Sum sum) { return vget_high_f32(sum); }
};

template <typename Kind>
void multiply(const void* a_panel, const void* b_panel, int64_t groups, void* c) {
  auto* a = static_cast<const char*>(a_panel);
  auto* b = static_cast<const char*>(b_panel);
  typename Kind::Sum sums[kRowPairs][kColumnPairs] = {};
  for (int64_t g = 0; g < groups; g += 2) {
    typename Kind::Vector right[kColumnPairs];
    _Pragma("GCC unroll 4") for (int v = 0; v < kColumnPairs; v++) right[v] = Kind::load(b + v * 16);
    _Pragma("GCC unroll 4") for (int r = 0; r < kRowPairs; r++) {
      const typename Kind::Vector left = Kind::load(a + r * 16);
      _Pragma("GCC unroll 4") for (int v = 0; v < kColumnPairs; v++) sums[r][v] = Kind::add(sums[r][v], left, right[v]);
    }
    a += kRowPairs * 16;
    b += kColumnPairs * 16;
  }
  auto* to = static_cast<int32_t*>(c);
  for (int r = 0; r < kRowPairs; r++) {
    for (int v = 0; v < kColumnPairs; v++) {
      Kind::store(to + 2 * r * 2 * kColumnPairs + 2 * v, Kind::low(sums[r][v]));
      Kind::store(to + (2 * r + 1) * 2 * kColumnPairs + 2 * v, Kind::high(sums[r][v]));
    }
  }
}

}  // namespace

Tile tile_int8_i8mm() { return {2 * kRowPairs, 2 * kColumnPairs, 4, 2, 2, multiply<Int8>, nullptr, nullptr}; }
Tile tile_bf16_i8mm() { return {2 * kRowPairs, 2 * kColumnPairs, 2, 2, 2, multiply<Bf16>, nullptr, nullptr}; }

}  // namespace ridgepoint
