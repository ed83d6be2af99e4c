// Compiled with -ffp-contract=fast (CMakeLists.txt), as peaks_levels.cpp.
#include <string.h>

#include "roofs/kernels.h"
#include "roofs/tile.h"
#include "roofs/vectors.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

struct F32 {
  using Vector = Floats;
  using Sum = Floats;
  static Vector load(const char* from) { return *reinterpret_cast<const Floats*>(from); }
  static Vector splat(const int32_t* from) {
    float value;
    memcpy(&value, from, sizeof value);
    return Floats{} + value;
  }
  static Sum add(Sum sum, Vector a, Vector b) { return sum + a * b; }
  static void store(char* to, Sum sum) { *reinterpret_cast<Floats*>(to) = sum; }
};

// Accumulators, the vectors of B and one of A fill the registers.
constexpr int kTileVectors = 2;
constexpr int kTileRows = kRegisters == 16 ? 6 : kVectorBytes == 64 ? 14 : 12;

}  // namespace

Tile tile_f32() {
  constexpr int32_t columns = kTileVectors * kVectorBytes / 4;
  return {kTileRows, columns, 1, 1, 1, multiply_tile<F32, kTileRows, kTileVectors>, nullptr, nullptr};
}

}  // namespace ridgepoint::RIDGE_LEVEL
