// Vectors on the GPU, rounded to what the arithmetic of the weights' type takes.
#pragma once

#include "cuda/ops/device_kernel.h"
#include "ops/matrices/problem.h"

namespace ridgepoint::cuda {

class Vectors {
 public:
  explicit Vectors(const ops::LinearProblem& problem);
  // Rounds them: part of what is timed, for a model has to do it, too.
  void start() const;
  // f32 and f16: f32. bf16: f32 that are bf16. int8, int4: whole numbers.
  Address numbers() const { return rounded_.bytes() > 0 ? rounded_.address() : given_.address(); }
  // int8: one for each vector; int4: one for each 32 numbers; null otherwise.
  Address scales() const { return scales_.address(); }

 private:
  ops::Type type_;
  int64_t batch_, stride_;
  Buffer given_, rounded_, scales_;
};

}  // namespace ridgepoint::cuda
