#include "ops/levels.h"
#include "ops/op.h"

namespace ridgepoint::ops {

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

std::string needs_avxvnni() {
  return cpu_has_avxvnni() ? std::string() : "it needs AVX-VNNI, which this processor does not have";
}

}  // namespace ridgepoint::ops
