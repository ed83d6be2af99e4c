#include "ops/matrices/weights.h"

#include <algorithm>

#include "ops/matrices/floats.h"
#include "ops/random.h"

namespace ridgepoint::ops {
namespace {

bool kept(const uint64_t* words, int64_t column) { return words == nullptr || (words[column >> 6] >> (column & 63) & 1) != 0; }

// One row of a type at a time, from a generator of its own, so that rows can be made in any order.
struct RowMaker {
  Type type;
  int64_t columns;
  int64_t stride;
  void* values;
  float* row_scales;
  uint16_t* block_scales;

  void make(int64_t row, const uint64_t* words, Random& random) const {
    switch (type) {
      case Type::f32: return floats(static_cast<float*>(values), row, words, random, [](float v) { return v; });
      case Type::f16: return floats(static_cast<uint16_t*>(values), row, words, random, float_to_half);
      case Type::bf16: return floats(static_cast<uint16_t*>(values), row, words, random, float_to_bfloat);
      case Type::int8: return integers(row, words, random);
      case Type::int4: return nibbles(row, words, random);
    }
  }

  template <typename T, typename Encode>
  void floats(T* all, int64_t row, const uint64_t* words, Random& random, Encode encode) const {
    T* own = all + row * stride;
    for (int64_t c = 0; c < columns; c++) {
      if (kept(words, c)) own[c] = encode(random.normal());
    }
  }

  void integers(int64_t row, const uint64_t* words, Random& random) const {
    int8_t* own = static_cast<int8_t*>(values) + row * stride;
    row_scales[row] = 0.03f * (1.0f + 0.25f * random.normal());
    for (int64_t c = 0; c < columns; c++) {
      if (kept(words, c)) own[c] = static_cast<int8_t>(std::clamp(nearest(random.normal() * 40.0f), -127, 127));
    }
  }

  void nibbles(int64_t row, const uint64_t* words, Random& random) const {
    uint8_t* own = static_cast<uint8_t*>(values) + row * stride / 2;
    for (int64_t block = 0; block < stride / kBlock; block++) {
      uint16_t& scale = block_scales[row * (stride / kBlock) + block];
      const bool shared = words != nullptr && block % 2 == 1;
      scale = shared ? (&scale)[-1] : float_to_half(0.3f * (1.0f + 0.25f * random.normal()));
      for (int64_t i = 0; i < kBlock; i++) {
        const int64_t column = block * kBlock + i;
        const bool is_kept = column < columns && kept(words, column);
        const int value = is_kept ? std::clamp(nearest(random.normal() * 3.0f), -8, 7) + 8 : 8;
        own[block * kBlock / 2 + i % 16] |= static_cast<uint8_t>(i < 16 ? value : value << 4);
      }
    }
  }
};

}  // namespace

Weights random_weights(int64_t rows, int64_t columns, Type type, const Shape& shape, uint64_t seed, MaskRow mask,
                       Arena& arena) {
  const int64_t stride = rounded_up(columns, kGroup);
  const int64_t words = stride / kGroup;
  auto* values = arena.take<uint8_t>("weights", rows * stride * bits_of_type(type) / 8, Use::input);
  float* row_scales = type == Type::int8 ? arena.take<float>("row scales", rows, Use::input) : nullptr;
  uint16_t* block_scales =
      type == Type::int4 ? arena.take<uint16_t>("block scales", rows * stride / kBlock, Use::input) : nullptr;
  uint64_t* bits = mask == nullptr ? nullptr : arena.take<uint64_t>("mask", rows * words, Use::input);
  const RowMaker maker{type, columns, stride, values, row_scales, block_scales};
  Random random(seed);
  for (int64_t row = 0; row < rows; row++) {
    uint64_t* own = bits == nullptr ? nullptr : bits + row * words;
    if (own != nullptr) mask(row, columns, shape, seed, own);
    maker.make(row, own, random);
  }
  return {type, rows, columns, stride, values, row_scales, block_scales, bits};
}

void decode_row(const Weights& w, int64_t row, double* out) {
  const int64_t first = row * w.stride;
  for (int64_t c = 0; c < w.columns; c++) {
    const int64_t i = first + c;
    switch (w.type) {
      case Type::f32: out[c] = static_cast<const float*>(w.values)[i]; break;
      case Type::f16: out[c] = half_to_float(static_cast<const uint16_t*>(w.values)[i]); break;
      case Type::bf16: out[c] = bfloat_to_float(static_cast<const uint16_t*>(w.values)[i]); break;
      case Type::int8: out[c] = static_cast<double>(static_cast<const int8_t*>(w.values)[i]) * w.row_scales[row]; break;
      case Type::int4: {
        const uint8_t byte = static_cast<const uint8_t*>(w.values)[(i / kBlock) * 16 + i % 16];
        const int value = (i % kBlock < 16 ? byte & 15 : byte >> 4) - 8;
        out[c] = value * static_cast<double>(half_to_float(w.block_scales[i / kBlock]));
      }
    }
  }
}

int bits_of_type(Type type) {
  switch (type) {
    case Type::f32: return 32;
    case Type::f16:
    case Type::bf16: return 16;
    case Type::int8: return 8;
    case Type::int4: return 4;
  }
  return 0;
}

double weight_bytes(int64_t rows, int64_t columns, Type type) {
  const double weights = static_cast<double>(rows) * static_cast<double>(columns);
  const double scales = type == Type::int8   ? 4.0 * static_cast<double>(rows)
                        : type == Type::int4 ? 2.0 * weights / static_cast<double>(kBlock)
                                             : 0;
  return weights * bits_of_type(type) / 8 + scales;
}

}  // namespace ridgepoint::ops
