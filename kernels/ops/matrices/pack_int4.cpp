#include "ops/matrices/pack_int4.h"

namespace ridgepoint::ops {

Packed pack_int4(const Weights& weights, Arena& arena) {
  constexpr int64_t kRows = 16;
  const int64_t rows = rounded_up(weights.rows, kRows);
  const int64_t blocks = weights.stride / kBlock;
  auto* values = arena.take<uint8_t>("tiles of weights", rows * weights.stride / 2, Use::input);
  auto* scales = arena.take<uint16_t>("scales of tiles", rows * blocks, Use::input);
  const auto* from = static_cast<const uint8_t*>(weights.values);
  for (int64_t row = 0; row < weights.rows; row++) {
    for (int64_t block = 0; block < blocks; block++) {
      const int64_t tile = row / kRows * blocks + block;
      const int64_t lane = row % kRows;
      scales[tile * kRows + lane] = weights.block_scales[row * blocks + block];
      // A byte of the plain form holds columns i and i + 16 as well.
      for (int64_t i = 0; i < 16; i++) values[tile * 256 + i / 4 * 64 + lane * 4 + i % 4] = from[(row * blocks + block) * 16 + i];
    }
  }
  Packed packed;
  packed.rows = weights.rows;
  packed.stride = weights.stride;
  packed.values = values;
  packed.block_scales = scales;
  return packed;
}

}  // namespace ridgepoint::ops
