#include "ops/matrices/plain_tiles.h"

#include "ops/matrices/floats.h"
#include "ops/matrices/masks.h"
#include "ops/matrices/tiles.h"

namespace ridgepoint::ops {
namespace {

// A kept weight of a type, and an activation as it is multiplied with it, as floats. int8 and int4 without their scales.
template <Type type>
struct Numbers {
  static float weight(const Packed& w, uint64_t at) {
    if constexpr (type == Type::f32) return static_cast<const float*>(w.values)[at];
    if constexpr (type == Type::f16) return half_to_float(static_cast<const uint16_t*>(w.values)[at]);
    if constexpr (type == Type::bf16) return bfloat_to_float(static_cast<const uint16_t*>(w.values)[at]);
    if constexpr (type == Type::int8) {
      // Of blocks, which have no mask, weights are signed.
      return w.mask == nullptr ? static_cast<float>(static_cast<const int8_t*>(w.values)[at])
                               : static_cast<float>(static_cast<const uint8_t*>(w.values)[at]) - 128;
    }
    // at counts halves of bytes.
    const uint8_t byte = static_cast<const uint8_t*>(w.values)[at / 2];
    return static_cast<float>(at % 2 == 0 ? byte & 15 : byte >> 4) - 8;
  }
  static float activation(const Rounded& x, int64_t b, int64_t column) {
    const int64_t at = b * x.stride + column;
    if constexpr (type == Type::bf16) return bfloat_to_float(x.bfloats[at]);
    if constexpr (type == Type::int8) return x.integers[at];
    if constexpr (type == Type::int4) return static_cast<float>(x.integers[at]) * x.scales[at / kBlock];
    return x.floats[at];
  }
  static float scale(const Packed& w, int64_t panel, int64_t lane, int64_t column) {
    if constexpr (type == Type::int4) {
      return half_to_float(w.block_scales[(panel * (w.stride / kGroup) + column / kGroup) * kTileRows + lane]);
    }
    return 1;
  }
  static float of_row(const Packed& w, const Rounded& x, int64_t row, int64_t b, double sum) {
    if constexpr (type == Type::int8) return static_cast<float>(sum) * (w.row_scales[row] * x.scales[b]);
    return static_cast<float>(sum);
  }
};

// Adds the products of the places of a tile that `mask` names. @returns where the next tile's values begin.
template <Type type>
uint64_t add_tile(const Packed& w, const Rounded& x, int64_t panel, int64_t column, uint64_t mask, uint64_t at, double* sums) {
  constexpr int64_t kLane = columns_in_lane(type);
  for (; mask != 0; mask &= mask - 1, at += type == Type::int4 ? 2 : 1) {
    const int64_t place = __builtin_ctzll(mask);
    const int64_t lane = place % (kTileRows * kLane) / kLane;
    const int64_t c = column + place / (kTileRows * kLane) * kLane + place % kLane;
    const float weight = Numbers<type>::weight(w, at) * Numbers<type>::scale(w, panel, lane, c);
    for (int64_t b = 0; b < x.batch; b++) sums[lane * x.batch + b] += weight * Numbers<type>::activation(x, b, c);
  }
  return at;
}

template <Type type, typename EachTile>
void panels(const Packed& w, const Rounded& x, int64_t begin, int64_t end, float* y, EachTile each) {
  std::vector<double> sums(static_cast<size_t>(kTileRows * x.batch));
  for (int64_t panel = begin / kTileRows; panel * kTileRows < end; panel++) {
    sums.assign(sums.size(), 0);
    each(panel, sums.data());
    for (int64_t lane = 0; lane < kTileRows && panel * kTileRows + lane < w.rows; lane++) {
      const int64_t row = panel * kTileRows + lane;
      for (int64_t b = 0; b < x.batch; b++) {
        y[b * w.rows + row] = Numbers<type>::of_row(w, x, row, b, sums[static_cast<size_t>(lane * x.batch + b)]);
      }
    }
  }
}

template <Type type>
void tiles(const Packed& w, const Rounded& x, int64_t begin, int64_t end, float* y) {
  panels<type>(w, x, begin, end, y, [&](int64_t panel, double* sums) {
    uint64_t at = w.starts[panel];
    uint64_t halves[2] = {2 * at, 2 * at + 1};
    const uint64_t* mask = w.mask + panel * (w.stride / kTileColumns);
    for (int64_t c = 0; c < w.stride; c += kTileColumns) {
      uint64_t& next = type == Type::int4 ? halves[half_of_tile(c / kTileColumns)] : at;
      next = add_tile<type>(w, x, panel, c, *mask++, next, sums);
    }
  });
}

template <Type type>
void blocks(const Packed& w, const Rounded& x, int64_t begin, int64_t end, float* y) {
  panels<type>(w, x, begin, end, y, [&](int64_t panel, double* sums) {
    for (uint64_t block = w.starts[panel]; block < w.starts[panel + 1]; block++) {
      uint64_t at = block * kBlockSide * kBlockSide;
      for (int64_t c = 0; c < kBlockSide; c += kTileColumns) {
        at = add_tile<type>(w, x, panel, w.places[block] * kBlockSide + c, ~uint64_t{0}, at, sums);
      }
    }
  });
}

}  // namespace

RowsFunction plain_tiles(Type type) {
  const RowsFunction functions[] = {tiles<Type::f32>, tiles<Type::f16>, tiles<Type::bf16>, tiles<Type::int8>, tiles<Type::int4>};
  return functions[static_cast<int>(type)];
}

RowsFunction plain_blocks(Type type) {
  const RowsFunction functions[] = {blocks<Type::f32>, blocks<Type::f16>, blocks<Type::bf16>, blocks<Type::int8>};
  return functions[static_cast<int>(type)];
}

}  // namespace ridgepoint::ops
