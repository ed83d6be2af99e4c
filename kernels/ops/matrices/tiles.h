// Sparse matrices in tiles of 16 rows and 4 columns, 64 weights: a lane of a vector register is a row, so that nothing is added
// across lanes, a product needs one broadcast activation, and the weights that pruning left are spread by one instruction.
#pragma once

#include "ops/matrices/rows_kernel.h"

namespace ridgepoint::ops {

constexpr int64_t kTileRows = 16;
constexpr int64_t kTileColumns = 4;

// Columns of a type that lie beside each other in a lane: as many as one instruction multiplies.
constexpr int64_t columns_in_lane(Type type) {
  return type == Type::int8 || type == Type::int4 ? 4 : type == Type::bf16 ? 2 : 1;
}

// The place of a weight among the 64 of its tile.
constexpr int64_t place_in_tile(Type type, int64_t row, int64_t column) {
  const int64_t lane = columns_in_lane(type);
  return column / lane * (kTileRows * lane) + row * lane + column % lane;
}

// Of int4: which half of a byte holds the weights of a tile, 0 = the low one.
constexpr int64_t half_of_tile(int64_t tile) { return tile / (kBlock / kTileColumns) % 2; }

// A matrix without its zeros. Tiles of 16 rows come one after the other; `starts` has where the values of each 16 rows begin.
//   mask    a word for each tile, a bit for each place, set where a weight is kept
//   values  the kept weights in order of their places. int8: weight + 128, unsigned. int4: 0 to 15 with an offset of 8, two to
//           a byte: the low halves are those of every other 32 columns, one after the other, the high halves those of the 32
//           columns between, so that nothing but a shift and a mask makes bytes of them; starts count bytes
//   block_scales  int4: a half for each of 16 rows and 64 columns, 16 of them together
// The weights' own mask says what is kept. Rows behind the last keep nothing. pairs: every row keeps two of four, zeros where it
// has fewer, so that every tile has 32.
// bytes: of all that a kernel reads.
struct Tiles {
  Packed packed;
  double bytes;
};
Tiles pack_tiles(const Weights& weights, bool pairs, Arena& arena);

// Blocks of 16 rows and 16 columns, of which only those that keep something are there: four tiles each, all of their weights,
// signed in int8.
// places: the number of each block in its 16 rows; starts: where those of each 16 rows begin in places.
Tiles pack_blocks(const Weights& weights, Arena& arena);

}  // namespace ridgepoint::ops
