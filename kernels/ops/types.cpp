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

}  // namespace ridgepoint::ops
