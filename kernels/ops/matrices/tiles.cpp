#include "ops/matrices/tiles.h"

#include <algorithm>
#include <cstring>

#include "ops/matrices/masks.h"

namespace ridgepoint::ops {
namespace {

bool is_kept(const Weights& w, int64_t row, int64_t column) {
  return row < w.rows && (w.mask[row * (w.stride / kGroup) + (column >> 6)] >> (column & 63) & 1) != 0;
}

// 0 to 15 of an int4 weight.
uint8_t nibble(const Weights& w, int64_t row, int64_t column) {
  const int64_t i = row * w.stride + column;
  const uint8_t byte = static_cast<const uint8_t*>(w.values)[(i / kBlock) * 16 + i % 16];
  return i % kBlock < 16 ? byte & 15 : byte >> 4;
}

// Writes kept weights one after the other.
struct Writer {
  const Weights& weights;
  uint8_t* to;
  // Of int8: 128 for weights that are unsigned with an offset, 0 for signed ones.
  int offset = 128;
  // In elements; of int4 in halves of bytes, every other one.
  uint64_t at = 0;

  void put(int64_t row, int64_t column) {
    const int64_t i = row * weights.stride + column;
    const bool there = row < weights.rows;
    switch (weights.type) {
      case Type::f32: {
        const float value = there ? static_cast<const float*>(weights.values)[i] : 0;
        std::memcpy(to + 4 * at, &value, 4);
        break;
      }
      case Type::f16:
      case Type::bf16: {
        const uint16_t value = there ? static_cast<const uint16_t*>(weights.values)[i] : 0;
        std::memcpy(to + 2 * at, &value, 2);
        break;
      }
      case Type::int8: to[at] = static_cast<uint8_t>((there ? static_cast<const int8_t*>(weights.values)[i] : 0) + offset); break;
      case Type::int4: to[at / 2] |= static_cast<uint8_t>(nibble(weights, row, column) << (at % 2 * 4)); break;
    }
    at += weights.type == Type::int4 ? 2 : 1;
  }
};

// Calls visit(row, column) for the 64 places of a tile, in order.
template <typename Visit>
void each_place(Type type, int64_t first_row, int64_t first_column, Visit visit) {
  const int64_t lane = columns_in_lane(type);
  for (int64_t piece = 0; piece < kTileColumns; piece += lane) {
    for (int64_t r = 0; r < kTileRows; r++) {
      for (int64_t c = 0; c < lane; c++) visit(first_row + r, first_column + piece + c);
    }
  }
}

// Bits for the four columns of a row in a tile. `pairs`: where fewer than two are kept, zeros are, from the left.
uint64_t kept_of_four(const Weights& w, int64_t row, int64_t column, bool pairs) {
  uint64_t bits = 0;
  int count = 0;
  for (int i = 0; i < 4; i++) {
    if (is_kept(w, row, column + i)) bits |= uint64_t{1} << i, count++;
  }
  for (int i = 0; pairs && count < 2; i++) {
    if ((bits >> i & 1) == 0) bits |= uint64_t{1} << i, count++;
  }
  return bits;
}

uint64_t tile_mask(const Weights& w, int64_t row, int64_t column, bool pairs) {
  uint64_t mask = 0;
  for (int64_t r = 0; r < kTileRows; r++) {
    const uint64_t four = kept_of_four(w, row + r, column, pairs);
    for (int64_t c = 0; c < kTileColumns; c++) mask |= (four >> c & 1) << place_in_tile(w.type, r, c);
  }
  return mask;
}

// Elements that the values of a panel take. masks: of its tiles.
uint64_t panel_size(Type type, const uint64_t* masks, int64_t tiles) {
  uint64_t halves[2] = {0, 0};
  for (int64_t tile = 0; tile < tiles; tile++) {
    halves[half_of_tile(tile)] += static_cast<uint64_t>(__builtin_popcountll(masks[tile]));
  }
  return type == Type::int4 ? std::max(halves[0], halves[1]) : halves[0] + halves[1];
}

const uint16_t* scales_in_lanes(const Weights& w, int64_t panels, Arena& arena) {
  const int64_t groups = w.stride / kGroup;
  auto* scales = arena.take<uint16_t>("scales of tiles", panels * kTileRows * groups, Use::input);
  for (int64_t row = 0; row < w.rows; row++) {
    for (int64_t group = 0; group < groups; group++) {
      scales[(row / kTileRows * groups + group) * kTileRows + row % kTileRows] = w.block_scales[2 * (row * groups + group)];
    }
  }
  return scales;
}

double scale_bytes(const Weights& w) {
  if (w.type == Type::int8) return 4.0 * static_cast<double>(w.rows);
  if (w.type == Type::int4) return 2.0 * static_cast<double>(w.rows * w.stride / kGroup);
  return 0;
}

double element_bytes(Type type) { return type == Type::int4 ? 1 : bits_of_type(type) / 8.0; }

}  // namespace

Tiles pack_tiles(const Weights& w, bool pairs, Arena& arena) {
  const int64_t panels = (w.rows + kTileRows - 1) / kTileRows;
  const int64_t tiles = w.stride / kTileColumns;
  auto* mask = arena.take<uint64_t>("mask of tiles", panels * tiles, Use::input);
  auto* starts = arena.take<uint64_t>("starts", panels + 1, Use::input);
  for (int64_t panel = 0; panel < panels; panel++) {
    uint64_t* own = mask + panel * tiles;
    for (int64_t tile = 0; tile < tiles; tile++) own[tile] = tile_mask(w, panel * kTileRows, tile * kTileColumns, pairs);
    starts[panel + 1] = starts[panel] + panel_size(w.type, own, tiles);
  }
  const double value_bytes = static_cast<double>(starts[panels]) * element_bytes(w.type);
  auto* values = arena.take<uint8_t>("kept weights", static_cast<int64_t>(value_bytes), Use::input);
  Writer writer{w, values};
  for (int64_t panel = 0; panel < panels; panel++) {
    uint64_t halves[2] = {2 * starts[panel], 2 * starts[panel] + 1};
    for (int64_t tile = 0; tile < tiles; tile++) {
      if (w.type == Type::int4) writer.at = halves[half_of_tile(tile)];
      uint64_t left = mask[panel * tiles + tile];
      each_place(w.type, panel * kTileRows, tile * kTileColumns, [&](int64_t r, int64_t c) {
        if ((left & 1) != 0) writer.put(r, c);
        left >>= 1;
      });
      halves[half_of_tile(tile)] = writer.at;
    }
  }
  Packed packed;
  packed.rows = w.rows;
  packed.stride = w.stride;
  packed.values = values;
  packed.mask = mask;
  packed.starts = starts;
  packed.row_scales = w.row_scales;
  if (w.type == Type::int4) packed.block_scales = scales_in_lanes(w, panels, arena);
  const double index = static_cast<double>(panels * tiles * 8 + (panels + 1) * 8);
  return {packed, value_bytes + index + scale_bytes(w)};
}

Tiles pack_blocks(const Weights& w, Arena& arena) {
  const int64_t panels = (w.rows + kTileRows - 1) / kTileRows;
  const int64_t blocks = w.stride / kBlockSide;
  const auto block_kept = [&](int64_t panel, int64_t block) {
    for (int64_t c = 0; c < kBlockSide; c += kTileColumns) {
      if (tile_mask(w, panel * kTileRows, block * kBlockSide + c, false) != 0) return true;
    }
    return false;
  };
  auto* starts = arena.take<uint64_t>("starts", panels + 1, Use::input);
  for (int64_t panel = 0; panel < panels; panel++) {
    starts[panel + 1] = starts[panel];
    for (int64_t block = 0; block < blocks; block++) starts[panel + 1] += block_kept(panel, block) ? 1 : 0;
  }
  const auto kept = static_cast<int64_t>(starts[panels]);
  auto* places = arena.take<uint16_t>("places of blocks", kept, Use::input);
  const int64_t value_bytes = kept * kBlockSide * kBlockSide * bits_of_type(w.type) / 8;
  Writer writer{w, arena.take<uint8_t>("kept blocks", value_bytes, Use::input), 0};
  int64_t next = 0;
  for (int64_t panel = 0; panel < panels; panel++) {
    for (int64_t block = 0; block < blocks; block++) {
      if (!block_kept(panel, block)) continue;
      places[next++] = static_cast<uint16_t>(block);
      for (int64_t c = 0; c < kBlockSide; c += kTileColumns) {
        each_place(w.type, panel * kTileRows, block * kBlockSide + c, [&](int64_t row, int64_t column) { writer.put(row, column); });
      }
    }
  }
  // Blocks that are not there have no offset that sums of all activations could put right: their weights are signed.
  Packed packed = w.type == Type::int8 ? pack_dense(w, arena) : Packed{};
  packed.rows = w.rows;
  packed.stride = w.stride;
  packed.values = writer.to;
  packed.starts = starts;
  packed.places = places;
  packed.row_scales = w.row_scales;
  return {packed, static_cast<double>(value_bytes + 2 * kept + 8 * (panels + 1)) + scale_bytes(w)};
}

}  // namespace ridgepoint::ops
