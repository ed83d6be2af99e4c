// Matrices without their zeros, as the kernels of matvec.cu and matmul.cu read them; the forms are those of
// core/techniques/packing.
#pragma once

#include <cstdint>
#include <vector>

#include "cuda/ops/linear.h"
#include "ops/matrices/weights.h"

namespace ridgepoint::cuda {

struct PackedWeights {
  std::vector<uint8_t> index;
  // Where each row begins, in values (blocks: in blocks); rows + 1 of them. Empty for dense and 2:4.
  std::vector<uint32_t> starts;
  std::vector<uint8_t> values;
};

// @throws std::runtime_error for a matrix that the form cannot hold.
PackedWeights pack(const ops::Weights& weights, Form form);

}  // namespace ridgepoint::cuda
