// What a matrix is multiplied with: given in f32, and rounded to what the arithmetic of the weights' type takes.
#pragma once

#include <cstdint>

#include "ops/arena.h"
#include "ops/op.h"

namespace ridgepoint::ops {

// Rounded activations as kernels read them, `batch` rows of `stride` numbers, zeros behind the last column.
// f32 and f16: as they are. bf16: to bfloat16. int8: x = scale * q with one scale for each row, scale = max |x| / 127, and q + 128
// unsigned beside it: VNNI multiplies unsigned by signed. int4: one scale for each block of 32, as ggml's q8_0.
struct Rounded {
  int64_t batch;
  int64_t stride;
  const float* floats;
  const uint16_t* bfloats;
  const uint8_t* shifted;
  const int8_t* integers;
  // int8: one for each row. int4: stride / 32 for each row.
  const float* scales;
  // What the offset of unsigned weights has to be put right with. int4: -8 * the sum of each block's integers. int8: -128 * the
  // sum of the row's.
  const int32_t* offsets;
};

class Activations {
 public:
  // @param x `batch` rows of `stride` numbers.
  Activations(const float* x, int64_t batch, int64_t stride, Type type, Arena& arena);
  // Part of what is timed: a model has to do it, too.
  void round(Pool& pool);
  const Rounded& rounded() const { return rounded_; }

 private:
  void round_row(int64_t row);
  void round_blocks(int64_t row);
  Type type_;
  const float* x_;
  uint16_t* bfloats_ = nullptr;
  uint8_t* shifted_ = nullptr;
  int8_t* integers_ = nullptr;
  float* scales_ = nullptr;
  int32_t* offsets_ = nullptr;
  Rounded rounded_{};
};

// The same for the reference: `columns` numbers in double precision. Written again, plainly, so that the two check each other.
void rounded_plainly(const float* x, int64_t columns, Type type, double* out);

}  // namespace ridgepoint::ops
