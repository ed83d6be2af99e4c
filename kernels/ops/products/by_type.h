// From the name of an element type to a template over it. To be included by LEVELS files alone.
#pragma once

#include "ops/lanes/elements.h"
#include "ops/op.h"

namespace ridgepoint::RIDGE_LEVEL {

// Calls use(T()) for the element type T: f32, f16 and bf16, and int8 where `Use` takes it.
template <class Use>
inline void byFloat(ops::Type type, const Use& use) {
  if (type == ops::Type::f32) return use(float());
  if (type == ops::Type::f16) return use(Half());
  if (type == ops::Type::bf16) return use(Brain());
}

template <class Use>
inline void byType(ops::Type type, const Use& use) {
  if (type == ops::Type::int8) return use(int8_t());
  byFloat(type, use);
}

}  // namespace ridgepoint::RIDGE_LEVEL
