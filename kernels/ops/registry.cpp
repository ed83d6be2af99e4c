#include "ops/gemm/gemm.h"
#include "ops/gemv/gemv.h"
#include "ops/levels.h"
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

const char* name_of(Type type) {
  switch (type) {
    case Type::f32: return "f32";
    case Type::f16: return "f16";
    case Type::bf16: return "bf16";
    case Type::int8: return "int8";
    case Type::int4: return "int4";
  }
  return "";
}

std::string needs(int32_t level) {
  if (ridge_cpu_level() >= level) return "";
  return std::string("it needs ") + ridge_cpu_level_name(level) + ", and this processor is used at " +
         ridge_cpu_level_name(ridge_cpu_level());
}

}  // namespace ridgepoint::ops
