// The machine on a CPU: every function of machine/ptx.h with the same meaning, one CUDA thread a fiber (block.h).
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "../machine/numbers.h"
#include "block.h"
#include "entries.h"

#define KERNEL extern "C" void
#define DEVICE static inline
#define DEVICE_MEMBER inline
#define SHARED static __attribute__((section("ridge_shared")))
#define DYNAMIC_SHARED(name) unsigned char* name = emulated::dynamic_shared
#define THREADS(count)

#define threadIdx emulated::thread_position
#define blockIdx emulated::block_position
#define blockDim emulated::block_size
#define gridDim emulated::grid_size

DEVICE void barrier() { emulated::wait_for_block(); }

namespace emulated {

enum Operation { kBarrier, kShuffle, kMma, kMatrices };

template <class T>
T lane_value(const Lane* lanes, unsigned lane) {
  T value;
  memcpy(&value, lanes[lane].bytes, sizeof value);
  return value;
}

template <class T>
T shuffled(T value, unsigned from) {
  return lane_value<T>(exchange(&value, sizeof value, kShuffle), from);
}

inline unsigned own_lane() { return (thread_position.x + block_size.x * (thread_position.y + block_size.y * thread_position.z)) % 32; }

}  // namespace emulated

DEVICE void warp_barrier() {
  const int nothing = 0;
  emulated::exchange(&nothing, sizeof nothing, emulated::kBarrier);
}
DEVICE float shuffle_xor(float value, unsigned mask) { return emulated::shuffled(value, emulated::own_lane() ^ mask); }
DEVICE unsigned shuffle_xor(unsigned value, unsigned mask) { return emulated::shuffled(value, emulated::own_lane() ^ mask); }
DEVICE float shuffle(float value, unsigned lane) { return emulated::shuffled(value, lane % 32); }
DEVICE unsigned shuffle(unsigned value, unsigned lane) { return emulated::shuffled(value, lane % 32); }
DEVICE unsigned shuffle_up(unsigned value, unsigned by) {
  const unsigned lane = emulated::own_lane();
  return emulated::shuffled(value, lane >= by ? lane - by : lane);
}

// Nothing here has to be kept busy: each look at the clock is a second later.
DEVICE uint64_t clock_nanoseconds() {
  static uint64_t now = 0;
  return now += 1000000000;
}

DEVICE float larger(float a, float b) { return std::fmax(a, b); }
DEVICE float exponential(float x) { return std::exp(x); }
DEVICE float accurate_exponential(float x) { return std::exp(x); }
DEVICE float nearest(float x) { return std::nearbyint(x); }
DEVICE float root(float x) { return std::sqrt(x); }
DEVICE float infinity() { return std::numeric_limits<float>::infinity(); }
DEVICE float bits_as_float(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}
DEVICE uint32_t float_as_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}
DEVICE int ones(uint32_t bits) { return __builtin_popcount(bits); }

namespace emulated {

inline float float_of_half(unsigned bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const float magnitude = exponent == 31  ? (fraction != 0 ? NAN : INFINITY)
                          : exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                                          : std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

struct Halves {
  float values[65536];
  Halves() {
    for (unsigned bits = 0; bits < 65536; bits++) values[bits] = float_of_half(bits);
  }
};
inline const Halves halves;

}  // namespace emulated

DEVICE float widen(f16 value) { return emulated::halves.values[value.bits]; }
DEVICE void narrow(float value, f16* to) {
  const uint16_t sign = static_cast<uint16_t>(float_as_bits(value) >> 16 & 0x8000);
  const float magnitude = std::fabs(value);
  if (value != value) {
    to->bits = 0x7fff;
  } else if (magnitude == 0) {
    to->bits = sign;
  } else if (magnitude >= 65520.0f) {
    to->bits = sign | 0x7c00;
  } else {
    int exponent = 0;
    std::frexp(magnitude, &exponent);
    // Steps of 2^-24 below the smallest normal number, of 2^(exponent - 11) above.
    const int step = exponent - 11 < -24 ? -24 : exponent - 11;
    const int steps = static_cast<int>(std::nearbyint(std::ldexp(magnitude, -step)));
    to->bits = sign | static_cast<uint16_t>(((step + 24) << 10) + steps);
  }
}
DEVICE void narrow(float value, bf16* to) {
  const uint32_t bits = float_as_bits(value);
  to->bits = value != value ? 0x7fff : static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
DEVICE uint32_t pack_f16(float first, float second) {
  f16 low, high;
  narrow(first, &low);
  narrow(second, &high);
  return static_cast<uint32_t>(high.bits) << 16 | low.bits;
}
DEVICE uint32_t pack_bf16(float first, float second) {
  bf16 low, high;
  narrow(first, &low);
  narrow(second, &high);
  return static_cast<uint32_t>(high.bits) << 16 | low.bits;
}
DEVICE uint32_t round_tf32(float value) { return (float_as_bits(value) + 0x1000) & ~0x1fffu; }

namespace emulated {

inline float value_of(f16 v) { return widen(v); }
inline float value_of(bf16 v) { return bits_as_float(static_cast<uint32_t>(v.bits) << 16); }
// Tensor cores read the upper 19 bits of a tf32.
inline float value_of(float v) { return bits_as_float(float_as_bits(v) & ~0x1fffu); }
inline int value_of(int8_t v) { return v; }
struct e4m3 {
  uint8_t bits;
};
inline float value_of(e4m3 v) {
  const int exponent = v.bits >> 3 & 15, fraction = v.bits & 7;
  const float magnitude = exponent == 15 && fraction == 7 ? NAN
                          : exponent == 0                 ? std::ldexp(static_cast<float>(fraction), -9)
                                                          : std::ldexp(static_cast<float>(fraction + 8), exponent - 10);
  return v.bits & 128 ? -magnitude : magnitude;
}

// Operands of a product as the lanes hold them, widened once.
struct Operands {
  float a[4][4];
  float b[4][4];
  uint32_t places;
};

template <class T>
void widen_word(uint32_t word, float* to) {
  T elements[4 / sizeof(T)];
  memcpy(elements, &word, sizeof elements);
  for (unsigned i = 0; i < 4 / sizeof(T); i++) to[i] = static_cast<float>(value_of(elements[i]));
}

inline const Operands& operands_of(const Lane* lanes, unsigned lane) { return *reinterpret_cast<const Operands*>(lanes[lane].bytes); }

// d (16 x 8) += a (16 x 32 bytes) b (32 bytes x 8), accumulated in double.
template <class T, class Sum>
void multiply(Sum* d, const uint32_t* a, const uint32_t* b) {
  constexpr unsigned each = 4 / sizeof(T);
  Operands mine = {};
  for (unsigned i = 0; i < 4; i++) widen_word<T>(a[i], mine.a[i]);
  for (unsigned i = 0; i < 2; i++) widen_word<T>(b[i], mine.b[i]);
  const Lane* lanes = exchange(&mine, sizeof mine, kMma);
  const unsigned group = own_lane() / 4, place = own_lane() % 4;
  for (unsigned i = 0; i < 4; i++) {
    const unsigned below = i / 2, column = 2 * place + i % 2;
    double sum = 0;
    for (unsigned word = 0; word < 8; word++) {
      // Words 0..3 of a line are in the first registers of its four lanes, 4..7 in the others.
      const float* left = operands_of(lanes, 4 * group + word % 4).a[below + word / 4 * 2];
      const float* right = operands_of(lanes, 4 * column + word % 4).b[word / 4];
      for (unsigned k = 0; k < each; k++) sum += static_cast<double>(left[k]) * static_cast<double>(right[k]);
    }
    d[i] = static_cast<Sum>(static_cast<double>(d[i]) + sum);
  }
}

template <class T>
void fma_pair(uint32_t& sum, uint32_t a, uint32_t b) {
  uint32_t out = 0;
  for (int half = 0; half < 2; half++) {
    const auto part = [&](uint32_t word) { return T{static_cast<uint16_t>(word >> (16 * half))}; };
    T rounded;
    narrow(std::fma(value_of(part(a)), value_of(part(b)), value_of(part(sum))), &rounded);
    out |= static_cast<uint32_t>(rounded.bits) << (16 * half);
  }
  sum = out;
}

}  // namespace emulated

DEVICE void fma_f16x2(uint32_t& sum, uint32_t a, uint32_t b) { emulated::fma_pair<f16>(sum, a, b); }
DEVICE void fma_bf16x2(uint32_t& sum, uint32_t a, uint32_t b) { emulated::fma_pair<bf16>(sum, a, b); }
DEVICE void fma_f32(float& sum, float a, float b) { sum = std::fma(a, b, sum); }
DEVICE void fma_f64(double& sum, double a, double b) { sum = std::fma(a, b, sum); }
DEVICE void dot_int8x4(int& sum, uint32_t a, uint32_t b) {
  for (int i = 0; i < 32; i += 8) sum += static_cast<int8_t>(a >> i) * static_cast<int8_t>(b >> i);
}

DEVICE void mma_f16(float* d, const uint32_t* a, const uint32_t* b) { emulated::multiply<f16>(d, a, b); }
DEVICE void mma_bf16(float* d, const uint32_t* a, const uint32_t* b) { emulated::multiply<bf16>(d, a, b); }
DEVICE void mma_tf32(float* d, const uint32_t* a, const uint32_t* b) { emulated::multiply<float>(d, a, b); }
DEVICE void mma_e4m3(float* d, const uint32_t* a, const uint32_t* b) { emulated::multiply<emulated::e4m3>(d, a, b); }
DEVICE void mma_int8(int* d, const uint32_t* a, const uint32_t* b) { emulated::multiply<int8_t>(d, a, b); }

DEVICE void mma_sparse_f16(float* d, const uint32_t* a, const uint32_t* b, uint32_t places) {
  emulated::Operands mine = {};
  mine.places = places;
  for (unsigned i = 0; i < 4; i++) {
    emulated::widen_word<f16>(a[i], mine.a[i]);
    emulated::widen_word<f16>(b[i], mine.b[i]);
  }
  const emulated::Lane* lanes = emulated::exchange(&mine, sizeof mine, emulated::kMma);
  const unsigned group = emulated::own_lane() / 4, place = emulated::own_lane() % 4;
  for (unsigned i = 0; i < 4; i++) {
    const unsigned below = i / 2, column = 2 * place + i % 2;
    double sum = 0;
    for (unsigned kept = 0; kept < 16; kept++) {
      const uint32_t word = emulated::operands_of(lanes, 4 * group + kept / 8).places;
      const unsigned k = kept / 2 * 4 + (word >> (16 * below + 2 * (kept % 8)) & 3);
      const float left = emulated::operands_of(lanes, 4 * group + kept / 2 % 4).a[below + kept / 8 * 2][kept % 2];
      // Of B, register r has rows 8 r to 8 r + 7.
      const float right = emulated::operands_of(lanes, 4 * column + k / 2 % 4).b[k / 8][k % 2];
      sum += static_cast<double>(left) * static_cast<double>(right);
    }
    d[i] = static_cast<float>(d[i] + sum);
  }
}

DEVICE void load_matrices(uint32_t* words, const void* row) {
  const emulated::Lane* lanes = emulated::exchange(&row, sizeof row, emulated::kMatrices);
  const unsigned lane = emulated::own_lane();
  for (unsigned matrix = 0; matrix < 4; matrix++) {
    const char* from = emulated::lane_value<const char*>(lanes, 8 * matrix + lane / 4);
    memcpy(words + matrix, from + 4 * (lane % 4), 4);
  }
  // The rows belong to other lanes' shared memory: nobody may change it before all have read.
  warp_barrier();
}
DEVICE void load_transposed(uint32_t* words, const void* row) {
  const emulated::Lane* lanes = emulated::exchange(&row, sizeof row, emulated::kMatrices);
  const unsigned lane = emulated::own_lane();
  for (unsigned matrix = 0; matrix < 4; matrix++) {
    uint16_t pair[2];
    for (unsigned i = 0; i < 2; i++) {
      const char* from = emulated::lane_value<const char*>(lanes, 8 * matrix + 2 * (lane % 4) + i);
      memcpy(pair + i, from + 2 * (lane / 4), 2);
    }
    memcpy(words + matrix, pair, 4);
  }
  warp_barrier();
}

DEVICE void copy_async(void* to, const void* from, unsigned bytes) { emulated::copy_later(to, from, bytes); }
DEVICE void copies_commit() { emulated::commit_copies(); }
template <int pending>
DEVICE void copies_wait() {
  emulated::wait_for_copies(pending);
}
