// Four tiles of C, two of A and two of B: each that is loaded is used twice.
#pragma once

#include <immintrin.h>
#include <string.h>

#include "roofs/kernels.h"

namespace ridgepoint {
namespace {

constexpr int64_t kTileRows = 16, kTileBytes = 64;
// Groups of 4 bytes in a row of a tile.
constexpr int64_t kGroups = 16;
constexpr int64_t kColumns = 32;

// Intel's Architecture Instruction Set Extensions Reference, chapter 3: palette 1 has 8 tiles of 16 rows of 64 bytes.
struct alignas(64) Configuration {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t bytes[16] = {};
  uint8_t rows[16] = {};
};

void begin() {
  Configuration wanted;
  for (int tile = 0; tile < 8; tile++) {
    wanted.bytes[tile] = kTileBytes;
    wanted.rows[tile] = kTileRows;
  }
  // GCC's header says that eight bytes of it are read, and the compiler leaves out what is stored in the rest.
  __asm__ volatile("" : : "r"(&wanted) : "memory");
  _tile_loadconfig(&wanted);
}

void end() { _tile_release(); }

#define RIDGE_AMX_TILE(name, product)                                              \
  void name(const void* a_panel, const void* b_panel, int64_t groups, void* c) {   \
    auto* a = static_cast<const char*>(a_panel);                                   \
    auto* b = static_cast<const char*>(b_panel);                                   \
    _tile_zero(0);                                                                 \
    _tile_zero(1);                                                                 \
    _tile_zero(2);                                                                 \
    _tile_zero(3);                                                                 \
    for (int64_t g = 0; g < groups; g += kGroups) {                                \
      _tile_loadd(4, a, kTileBytes);                                               \
      _tile_loadd(5, a + kTileRows * kTileBytes, kTileBytes);                      \
      _tile_loadd(6, b, kColumns * 4);                                             \
      _tile_loadd(7, b + kTileBytes, kColumns * 4);                                \
      product(0, 4, 6);                                                            \
      product(1, 4, 7);                                                            \
      product(2, 5, 6);                                                            \
      product(3, 5, 7);                                                            \
      a += 2 * kTileRows * kTileBytes;                                             \
      b += kGroups * kColumns * 4;                                                 \
    }                                                                              \
    auto* to = static_cast<char*>(c);                                              \
    _tile_stored(0, to, kColumns * 4);                                             \
    _tile_stored(1, to + kTileBytes, kColumns * 4);                                \
    _tile_stored(2, to + kTileRows * kColumns * 4, kColumns * 4);                  \
    _tile_stored(3, to + kTileRows * kColumns * 4 + kTileBytes, kColumns * 4);     \
  }

}  // namespace
}  // namespace ridgepoint
