// Compiled with -ffp-contract=fast (CMakeLists.txt): x * y + z is one instruction where the level has it.
#include "roofs/chains.h"
#include "roofs/kernels.h"
#include "roofs/vectors.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

constexpr int kChains = kRegisters == 32 ? 24 : 12;

template <typename Vector, typename Number>
int64_t peak(int64_t rounds) {
  // Towards 0.5: never an overflow, never a denormal.
  Vector factor = Vector{} + static_cast<Number>(0.5), add = Vector{} + static_cast<Number>(0.25);
  hide(factor);
  hide(add);
  const auto lanes = static_cast<int64_t>(sizeof(Vector) / sizeof(Number));
  return chains<kChains>(rounds, 2 * lanes, add, [&](Vector value) { return value * factor + add; });
}

}  // namespace

int64_t peak_f64(int64_t rounds) { return peak<Doubles, double>(rounds); }
int64_t peak_f32(int64_t rounds) { return peak<Floats, float>(rounds); }

}  // namespace ridgepoint::RIDGE_LEVEL
