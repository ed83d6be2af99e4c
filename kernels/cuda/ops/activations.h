// Vectors on the GPU, rounded to what the arithmetic of the weights' type takes.
#pragma once

#include "cuda/ops/device_kernel.h"
#include "ops/matrices/problem.h"

namespace ridgepoint::cuda {

class Vectors {
 public:
  // Tensor cores (Unit::matrix) take both operands in the same type.
  Vectors(const ops::LinearProblem& problem, ops::Unit unit);
  // Rounds them: part of what is timed, for a model has to do it, too.
  void start() const;
  // vector: f32; of bf16 f32 that are bf16; of int8 and int4 whole numbers. matrix: f16 (int4, too), bf16 or whole numbers.
  // @param vector its number.
  Address numbers(int64_t vector = 0) const;
  // int8: one for each vector; int4 on Unit::vector: one for each 32 numbers; null otherwise.
  Address scales(int64_t vector = 0) const;

 private:
  ops::Type type_;
  int64_t batch_, stride_;
  const char* kernel_ = nullptr;
  int64_t bytes_of_number_ = 4;
  Buffer given_, rounded_, scales_;
};

}  // namespace ridgepoint::cuda
