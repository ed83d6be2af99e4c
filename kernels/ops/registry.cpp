#include "ops/activation/op.h"
#include "ops/attention_decode/op.h"
#include "ops/attention_prefill/op.h"
#include "ops/gemm/gemm.h"
#include "ops/gemv/gemv.h"
#include "ops/lora/op.h"
#include "ops/mla_decode/op.h"
#include "ops/moe/op.h"
#include "ops/norm/op.h"
#include "ops/nsa_decode/op.h"
#include "ops/op.h"
#include "ops/rope/op.h"
#include "ops/softmax/op.h"
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
      attention_decode(),
      attention_prefill(),
      mla_decode(),
      nsa_decode(),
      lora(),
      moe(),
      rms_norm(),
      layer_norm(),
      rope(),
      softmax(),
      silu_mul(),
      gelu(),
  };
  return ops;
}

}  // namespace ridgepoint::ops
