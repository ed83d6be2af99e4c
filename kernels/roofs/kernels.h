// Which kernels there are for an arithmetic, what each needs, and which of them a processor runs: one table (kernels.cpp).
#pragma once

#include <stdint.h>

#include <vector>

#include "cpu/features.h"
#include "cpu/levels.h"
#include "roofs/matrix.h"

namespace ridgepoint {

// Multiply-adds from registers: runs `rounds` rounds and returns the operations done, a multiply and an add as two.
using Peak = int64_t(int64_t rounds);
// How a matrix product is computed (matrix.h).
using TileOf = Tile();

RIDGE_DECLARE_LEVELS(peak_f64, Peak)
RIDGE_DECLARE_LEVELS(peak_f32, Peak)
RIDGE_DECLARE_LEVELS(tile_f32, TileOf)

// Each in the file of its instruction set, roofs/instructions/<word>.cpp.
Peak peak_int8_avx2, peak_int8_avx512bw, peak_int8_avx512_vnni, peak_int8_avx_vnni, peak_bf16_avx512_bf16,
    peak_f16_avx512_fp16, peak_f16_asimdhp, peak_int8_asimddp, peak_int8_i8mm, peak_bf16_bf16;
TileOf tile_int8_avx2, tile_int8_avx512bw, tile_int8_avx512_vnni, tile_int8_avx_vnni, tile_bf16_avx512_bf16,
    tile_int8_amx, tile_bf16_amx, tile_int8_asimddp, tile_int8_i8mm, tile_bf16_bf16;

struct Kernel {
  // RIDGE_F64, … and RIDGE_VECTOR or RIDGE_MATRIX of roofs.h.
  int32_t arithmetic;
  int32_t unit;
  // The instruction set that computes, as /proc/cpuinfo calls it; `baseline` is what every processor of its architecture has.
  const char* instructions;
  Features needs;
  // One of them, by the unit. Null where this library was compiled without: for another architecture, or by a compiler that does
  // not know the instructions.
  Peak* peak;
  TileOf* tile;

  bool compiled() const { return peak != nullptr || tile != nullptr; }
};

// Those that a processor with these instruction sets runs, most operations a cycle first, compiled here or not.
std::vector<const Kernel*> kernels_for(int32_t arithmetic, int32_t unit, Features has);

}  // namespace ridgepoint
