#include "ops/gemm/gemm.h"
#include "ops/gemv/gemv.h"
#include "ops/op.h"
#include "ops/sparse_2of4/sparse_2of4.h"
#include "ops/sparse_bitmap/sparse_bitmap.h"
#include "ops/sparse_blocks/sparse_blocks.h"
#include "ops/sparse_csr/sparse_csr.h"

namespace ridgepoint::ops {

// Every op, in the order of `ridge kernels list`. A new one is a folder here and a line in this list.
const std::vector<Op>& registry() {
  static const std::vector<Op> ops = {
      gemv(),
      gemm(),
      sparse_bitmap(),
      sparse_2of4(),
      sparse_csr(),
      sparse_blocks(),
  };
  return ops;
}

}  // namespace ridgepoint::ops
