#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "graph/matrix.h"
#include "graph/round.h"
#include "ops/matrices/tiles.h"

namespace ridgepoint::graph {
namespace {

template <typename T>
T field(const void* tensor, int32_t offset) {
  T value;
  std::memcpy(&value, static_cast<const char*>(tensor) + offset, sizeof value);
  return value;
}

// A vector's memory, from a multiple of 64 bytes on, which stays with its thread.
class Room {
 public:
  uint8_t* take(size_t bytes) {
    if (bytes + kAround > memory_.size()) memory_.resize(bytes + kAround);
    const auto at = reinterpret_cast<uintptr_t>(memory_.data());
    return memory_.data() + (64 - at % 64) % 64;
  }

 private:
  static constexpr size_t kAround = 64 + 128;
  std::vector<uint8_t> memory_;
};

struct Rooms {
  Room first, second;
  std::vector<float> scales;
  std::vector<int32_t> offsets;
};

// Rounds the vectors, each thread for itself: a vector is short beside the matrix, and waiting for one another costs more.
ops::Rounded rounded(const Matrix& m, const char* x, size_t row_bytes, int64_t batch, Rooms& rooms) {
  const int64_t stride = m.packed.stride;
  const auto count = static_cast<size_t>(batch * stride);
  ops::Rounded out{};
  out.batch = batch;
  out.stride = stride;
  const auto row = [&](int64_t b) { return reinterpret_cast<const float*>(x + static_cast<size_t>(b) * row_bytes); };
  const auto behind = static_cast<size_t>(stride - m.columns);
  if (m.type == ops::Type::bf16) {
    auto* own = reinterpret_cast<uint16_t*>(rooms.first.take(2 * count));
    for (int64_t b = 0; b < batch; b++) {
      RIDGE_BEST(to_bfloats)(row(b), m.columns, own + b * stride);
      std::memset(own + b * stride + m.columns, 0, 2 * behind);
    }
    out.bfloats = own;
    return out;
  }
  auto* integers = reinterpret_cast<int8_t*>(rooms.first.take(count));
  uint8_t* shifted = rooms.second.take(count);
  rooms.scales.resize(static_cast<size_t>(batch));
  rooms.offsets.resize(static_cast<size_t>(batch));
  for (int64_t b = 0; b < batch; b++) {
    const Scaled scaled = RIDGE_BEST(to_integers)(row(b), m.columns, integers + b * stride, shifted + b * stride);
    std::memset(integers + b * stride + m.columns, 0, behind);
    std::memset(shifted + b * stride + m.columns, 128, behind);
    rooms.scales[static_cast<size_t>(b)] = scaled.scale;
    rooms.offsets[static_cast<size_t>(b)] = -128 * scaled.sum;
  }
  out.integers = integers;
  out.shifted = shifted;
  out.scales = rooms.scales.data();
  out.offsets = rooms.offsets.data();
  return out;
}

}  // namespace
}  // namespace ridgepoint::graph

using ridgepoint::graph::Matrix;

void* ridge_graph_pack(const float* values, int64_t rows, int64_t columns, int32_t type, int32_t format,
                       const ridge_tensor_layout* layout) {
  if (type != RIDGE_GRAPH_BF16 && type != RIDGE_GRAPH_INT8) return nullptr;
  if (format != RIDGE_GRAPH_DENSE && format != RIDGE_GRAPH_BITMAP) return nullptr;
  try {
    auto matrix = std::make_unique<Matrix>();
    matrix->layout = *layout;
    matrix->type = type == RIDGE_GRAPH_BF16 ? ridgepoint::ops::Type::bf16 : ridgepoint::ops::Type::int8;
    matrix->columns = columns;
    ridgepoint::graph::pack(values, rows, format == RIDGE_GRAPH_BITMAP, *matrix);
    return matrix.release();
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void ridge_graph_free(void* matrix) { delete static_cast<Matrix*>(matrix); }

int64_t ridge_graph_bytes(const void* matrix) { return static_cast<int64_t>(static_cast<const Matrix*>(matrix)->bytes); }

int64_t ridge_graph_kept(const void* matrix) { return static_cast<const Matrix*>(matrix)->kept; }

void ridge_graph_multiply(void* target, int ith, int nth, void* matrix) {
  using ridgepoint::graph::field;
  using ridgepoint::ops::kTileRows;
  thread_local ridgepoint::graph::Rooms rooms;
  const auto& m = *static_cast<const Matrix*>(matrix);
  const int64_t rows = m.packed.rows;
  const int64_t panels = (rows + kTileRows - 1) / kTileRows;
  const int64_t begin = panels * ith / nth * kTileRows;
  const int64_t end = std::min(panels * (ith + 1) / nth * kTileRows, rows);
  if (begin >= end) return;
  const auto* source = field<const void*>(target, m.layout.src);
  const auto batch = field<int64_t>(target, m.layout.ne + 8);
  const auto* x = field<const char*>(source, m.layout.data);
  const auto row_bytes = field<size_t>(source, m.layout.nb + 8);
  auto* y = field<float*>(target, m.layout.data);
  m.function(m.packed, ridgepoint::graph::rounded(m, x, row_bytes, batch, rooms), begin, end, y);
}
