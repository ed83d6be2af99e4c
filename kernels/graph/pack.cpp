#include <algorithm>
#include <cmath>

#include "graph/matrix.h"
#include "ops/matrices/floats.h"
#include "ops/matrices/avx2_neon_rows.h"
#include "ops/matrices/avx512_rows.h"
#include "ops/matrices/plain_rows.h"
#include "ops/matrices/plain_tiles.h"
#include "ops/matrices/tiles.h"

namespace ridgepoint::graph {
namespace {

using ops::Type;

// One scale for each row: its largest weight is 127.
void to_int8(const float* row, int64_t columns, int8_t* out, float* scale) {
  float most = 0;
  for (int64_t c = 0; c < columns; c++) most = std::max(most, std::fabs(row[c]));
  const float inverse = most == 0 ? 0 : 127.0f / most;
  for (int64_t c = 0; c < columns; c++) out[c] = static_cast<int8_t>(ops::nearest(row[c] * inverse));
  *scale = most / 127.0f;
}

// Weights in the type; values lie in `room`, scales where they stay.
ops::Weights in_type(const float* values, int64_t rows, int64_t columns, Type type, ops::Arena& room, ops::Arena& stays) {
  const int64_t stride = ops::rounded_up(columns, ops::kGroup);
  ops::Weights weights{type, rows, columns, stride, nullptr, nullptr, nullptr, nullptr};
  if (type == Type::bf16) {
    auto* out = room.take<uint16_t>("weights", rows * stride, ops::Use::input);
    for (int64_t r = 0; r < rows; r++) {
      for (int64_t c = 0; c < columns; c++) out[r * stride + c] = ops::float_to_bfloat(values[r * columns + c]);
    }
    weights.values = out;
    return weights;
  }
  auto* out = room.take<int8_t>("weights", rows * stride, ops::Use::input);
  auto* scales = stays.take<float>("scales of rows", rows, ops::Use::input);
  for (int64_t r = 0; r < rows; r++) to_int8(values + r * columns, columns, out + r * stride, scales + r);
  weights.values = out;
  weights.row_scales = scales;
  return weights;
}

// Bits where a weight is not 0 in its type: what int8 rounds to 0 was not pruned, but need not be kept either.
const uint64_t* bits(const ops::Weights& w, ops::Arena& room) {
  const int64_t words = w.stride / ops::kGroup;
  auto* mask = room.take<uint64_t>("mask", w.rows * words, ops::Use::input);
  for (int64_t i = 0; i < w.rows * w.stride; i++) {
    const bool kept = w.type == Type::bf16 ? (static_cast<const uint16_t*>(w.values)[i] & 0x7fff) != 0
                                           : static_cast<const int8_t*>(w.values)[i] != 0;
    if (kept) mask[i / ops::kGroup] |= uint64_t{1} << (i % ops::kGroup);
  }
  return mask;
}

ops::RowsFunction bitmap_function(Type type) {
#if defined(RIDGE_HAS_AVX512BF16)
  if (type == Type::bf16 && cpu_level() >= kAvx512Bf16) return avx512bf16::bitmap_bf16;
  if (type == Type::int8 && cpu_level() >= kAvx512Vnni) return avx512vnni::bitmap_int8;
#endif
#if defined(RIDGE_HAS_AVXVNNI)
  if (type == Type::int8 && cpu_has_avxvnni()) return avxvnni::tiles_int8;
#endif
#if defined(RIDGE_HAS_AVX2)
  if (cpu_level() >= kAvx2) return type == Type::bf16 ? avx2::tiles_bf16 : avx2::tiles_int8;
#endif
#if defined(RIDGE_HAS_DOTPROD)
  if (type == Type::int8 && cpu_level() >= kDot) return dotprod::tiles_int8;
#endif
#if defined(RIDGE_HAS_NEON)
  if (cpu_level() >= kNeon) return type == Type::bf16 ? neon::tiles_bf16 : neon::tiles_int8;
#endif
  return ops::plain_tiles(type);
}

ops::RowsFunction dense_function(Type type) {
#if defined(RIDGE_HAS_AVX512BF16)
  if (type == Type::bf16 && cpu_level() >= kAvx512Bf16) return avx512bf16::gemv_bf16;
  if (type == Type::int8 && cpu_level() >= kAvx512Vnni) return avx512vnni::gemv_int8;
#endif
#if defined(RIDGE_HAS_AVXVNNI)
  if (type == Type::int8 && cpu_has_avxvnni()) return avxvnni::dense_int8;
#endif
#if defined(RIDGE_HAS_AVX2)
  if (cpu_level() >= kAvx2) return type == Type::bf16 ? avx2::dense_bf16 : avx2::dense_int8;
#endif
#if defined(RIDGE_HAS_DOTPROD)
  if (type == Type::int8 && cpu_level() >= kDot) return dotprod::dense_int8;
#endif
#if defined(RIDGE_HAS_NEON)
  if (cpu_level() >= kNeon) return type == Type::bf16 ? neon::dense_bf16 : neon::dense_int8;
#endif
  return type == Type::bf16 ? ops::plain_bf16 : ops::plain_int8;
}

}  // namespace

void pack(const float* values, int64_t rows, bool bitmap, Matrix& into) {
  ops::Arena room;
  // Dense weights stay where they are put; of those without zeros only what is packed does.
  ops::Weights weights = in_type(values, rows, into.columns, into.type, bitmap ? room : into.arena, into.arena);
  if (bitmap) {
    weights.mask = bits(weights, room);
    const ops::Tiles tiles = ops::pack_tiles(weights, false, into.arena);
    into.packed = tiles.packed;
    into.bytes = tiles.bytes;
    // Where the values of the rows behind the last would begin.
    into.kept = static_cast<int64_t>(tiles.packed.starts[(rows + ops::kTileRows - 1) / ops::kTileRows]);
    into.function = bitmap_function(into.type);
    return;
  }
  into.packed = ops::pack_dense(weights, into.arena);
  into.kept = rows * into.columns;
  into.bytes = static_cast<double>(rows) * (static_cast<double>(weights.stride) * ops::bits_of_type(into.type) / 8);
  if (into.type == Type::int8) into.bytes += 8.0 * static_cast<double>(rows);
  into.function = dense_function(into.type);
}

}  // namespace ridgepoint::graph
