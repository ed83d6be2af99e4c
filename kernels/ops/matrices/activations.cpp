#include "ops/matrices/activations.h"

#include <algorithm>
#include <cmath>

#include "ops/matrices/floats.h"
#include "ops/matrices/weights.h"

namespace ridgepoint::ops {
namespace {

float largest(const float* x, int64_t count) {
  float most = 0;
  for (int64_t i = 0; i < count; i++) most = std::max(most, std::fabs(x[i]));
  return most;
}

}  // namespace

Activations::Activations(const float* x, int64_t batch, int64_t stride, Type type, Arena& arena) : type_(type), x_(x) {
  const int64_t count = batch * stride;
  if (type == Type::bf16) bfloats_ = arena.take<uint16_t>("rounded activations", count, Use::scratch);
  if (type == Type::int8) {
    shifted_ = arena.take<uint8_t>("rounded activations", count, Use::scratch);
    integers_ = arena.take<int8_t>("signed activations", count, Use::scratch);
    scales_ = arena.take<float>("scales of activations", batch, Use::scratch);
    offsets_ = arena.take<int32_t>("offsets of activations", batch, Use::scratch);
  }
  if (type == Type::int4) {
    integers_ = arena.take<int8_t>("rounded activations", count, Use::scratch);
    scales_ = arena.take<float>("scales of activations", count / kBlock, Use::scratch);
    offsets_ = arena.take<int32_t>("offsets of activations", count / kBlock, Use::scratch);
  }
  rounded_ = {batch, stride, x, bfloats_, shifted_, integers_, scales_, offsets_};
}

void Activations::round(Pool& pool) {
  if (type_ == Type::f32 || type_ == Type::f16) return;
  pool.split(rounded_.batch, 8, [this](int, int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) round_row(row);
  });
}

void Activations::round_row(int64_t row) {
  const int64_t stride = rounded_.stride;
  const float* x = x_ + row * stride;
  if (type_ == Type::bf16) {
    uint16_t* own = bfloats_ + row * stride;
    for (int64_t i = 0; i < stride; i++) own[i] = float_to_bfloat(x[i]);
  } else if (type_ == Type::int8) {
    uint8_t* shifted = shifted_ + row * stride;
    int8_t* own = integers_ + row * stride;
    const float most = largest(x, stride);
    const float inverse = most == 0 ? 0 : 127.0f / most;
    int32_t sum = 0;
    for (int64_t i = 0; i < stride; i++) {
      const int32_t q = nearest(x[i] * inverse);
      own[i] = static_cast<int8_t>(q);
      shifted[i] = static_cast<uint8_t>(q + 128);
      sum += q;
    }
    scales_[row] = most / 127.0f;
    offsets_[row] = -128 * sum;
  } else {
    round_blocks(row);
  }
}

void Activations::round_blocks(int64_t row) {
  const int64_t blocks = rounded_.stride / kBlock;
  for (int64_t block = row * blocks; block < (row + 1) * blocks; block++) {
    const float* x = x_ + block * kBlock;
    int8_t* own = integers_ + block * kBlock;
    const float most = largest(x, kBlock);
    const float inverse = most == 0 ? 0 : 127.0f / most;
    int32_t sum = 0;
    for (int64_t i = 0; i < kBlock; i++) {
      const int32_t q = nearest(x[i] * inverse);
      own[i] = static_cast<int8_t>(q);
      sum += q;
    }
    scales_[block] = most / 127.0f;
    offsets_[block] = -8 * sum;
  }
}

void rounded_plainly(const float* x, int64_t columns, Type type, double* out) {
  if (type == Type::bf16) {
    for (int64_t i = 0; i < columns; i++) out[i] = bfloat_to_float(float_to_bfloat(x[i]));
    return;
  }
  const int64_t block = type == Type::int8 ? columns : type == Type::int4 ? kBlock : 0;
  for (int64_t begin = 0; begin < columns; begin += block == 0 ? columns : block) {
    const int64_t end = block == 0 ? columns : std::min(begin + block, columns);
    float most = 0;
    for (int64_t i = begin; i < end; i++) most = std::max(most, std::fabs(x[i]));
    const float inverse = most == 0 ? 0 : 127.0f / most;
    for (int64_t i = begin; i < end; i++) {
      out[i] = block == 0 ? static_cast<double>(x[i])
                          : std::nearbyint(static_cast<double>(x[i] * inverse)) * static_cast<double>(most / 127.0f);
    }
  }
}

}  // namespace ridgepoint::ops
