#include "ops/matrices/plain_rows.h"

#include "ops/matrices/floats.h"

namespace ridgepoint::ops {
namespace {

constexpr int kParts = 16;

template <typename T, typename X, typename Decode, typename DecodeX>
float dot(const T* w, const X* x, int64_t count, Decode decode, DecodeX decode_x) {
  float parts[kParts] = {};
  for (int64_t c = 0; c < count; c += kParts) {
    for (int j = 0; j < kParts; j++) parts[j] += decode(w[c + j]) * decode_x(x[c + j]);
  }
  for (int half = kParts / 2; half > 0; half /= 2) {
    for (int j = 0; j < half; j++) parts[j] += parts[j + half];
  }
  return parts[0];
}

template <typename T, typename X, typename Decode, typename DecodeX>
void rows(const Packed& w, const Rounded& rounded, const X* x, int64_t begin, int64_t end, float* y, Decode decode,
          DecodeX decode_x) {
  for (int64_t row = begin; row < end; row++) {
    const T* own = static_cast<const T*>(w.values) + row * w.stride;
    for (int64_t b = 0; b < rounded.batch; b++) {
      y[b * w.rows + row] = dot(own, x + b * rounded.stride, w.stride, decode, decode_x);
    }
  }
}

float as_it_is(float value) { return value; }

int32_t integer_dot(const int8_t* w, const uint8_t* x, int64_t count) {
  int32_t sum = 0;
  for (int64_t c = 0; c < count; c++) sum += static_cast<int32_t>(w[c]) * static_cast<int32_t>(x[c]);
  return sum;
}

int32_t block_dot(const uint8_t* w, const int8_t* x) {
  int32_t sum = 0;
  for (int i = 0; i < 16; i++) sum += (w[i] & 15) * x[i] + (w[i] >> 4) * x[i + 16];
  return sum;
}

}  // namespace

void plain_f32(const Packed& w, const Rounded& x, int64_t begin, int64_t end, float* y) {
  rows<float>(w, x, x.floats, begin, end, y, as_it_is, as_it_is);
}

void plain_f16(const Packed& w, const Rounded& x, int64_t begin, int64_t end, float* y) {
  rows<uint16_t>(w, x, x.floats, begin, end, y, half_to_float, as_it_is);
}

void plain_bf16(const Packed& w, const Rounded& x, int64_t begin, int64_t end, float* y) {
  rows<uint16_t>(w, x, x.bfloats, begin, end, y, bfloat_to_float, bfloat_to_float);
}

void plain_int8(const Packed& w, const Rounded& x, int64_t begin, int64_t end, float* y) {
  for (int64_t row = begin; row < end; row++) {
    const int8_t* own = static_cast<const int8_t*>(w.values) + row * w.stride;
    for (int64_t b = 0; b < x.batch; b++) {
      const int32_t sum = integer_dot(own, x.shifted + b * x.stride, w.stride) + w.row_offsets[row];
      y[b * w.rows + row] = static_cast<float>(sum) * (w.row_scales[row] * x.scales[b]);
    }
  }
}

void plain_int4(const Packed& w, const Rounded& x, int64_t begin, int64_t end, float* y) {
  const int64_t blocks = w.stride / 32;
  for (int64_t row = begin; row < end; row++) {
    const uint8_t* own = static_cast<const uint8_t*>(w.values) + row * w.stride / 2;
    const uint16_t* scales = w.block_scales + row * blocks;
    for (int64_t b = 0; b < x.batch; b++) {
      float sum = 0;
      for (int64_t block = 0; block < blocks; block++) {
        const int64_t at = b * blocks + block;
        const int32_t product = block_dot(own + block * 16, x.integers + at * 32) + x.offsets[at];
        sum += static_cast<float>(product) * (half_to_float(scales[block]) * x.scales[at]);
      }
      y[b * w.rows + row] = sum;
    }
  }
}

}  // namespace ridgepoint::ops
