// Independent chains of one instruction: as many as registers hold, more than its latency times the units that run it.
#pragma once

#include <stdint.h>

namespace ridgepoint {
namespace {

// How often a chain goes on before the loop counts: counting shall cost nothing.
constexpr int64_t kLinks = 4;

// Keeps a value in a register and its origin unknown to the compiler.
template <typename Vector>
inline void hide(Vector& value) {
#if defined(__x86_64__)
  __asm__ volatile("" : "+v"(value));
#elif defined(__aarch64__)
  __asm__ volatile("" : "+w"(value));
#endif
}

// step(value) is one link. operations: of one link.
template <int kChains, typename Vector, typename Step>
inline int64_t chains(int64_t rounds, int64_t operations, Vector start, const Step& step) {
  Vector values[kChains];
  _Pragma("GCC unroll 32") for (int i = 0; i < kChains; i++) {
    values[i] = start;
    hide(values[i]);
  }
  for (int64_t round = 0; round < rounds; round++) {
    _Pragma("GCC unroll 4") for (int64_t link = 0; link < kLinks; link++) {
      _Pragma("GCC unroll 32") for (int i = 0; i < kChains; i++) values[i] = step(values[i]);
    }
  }
  _Pragma("GCC unroll 32") for (int i = 0; i < kChains; i++) hide(values[i]);
  return rounds * kLinks * kChains * operations;
}

}  // namespace
}  // namespace ridgepoint
