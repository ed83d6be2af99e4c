#include "ops/targets.h"

#include "cuda/ops/bind.h"

namespace ridgepoint::ops {
namespace {

#if defined(__aarch64__) || defined(_M_ARM64)
constexpr Target::Platform kHere = Target::arm64;
#elif defined(__x86_64__) || defined(_M_X64)
constexpr Target::Platform kHere = Target::x64;
#else
constexpr Target::Platform kHere = Target::any;
#endif

// The number of a level of this architecture; -1 for a name that is none.
int32_t number_of(const std::string& level) {
  for (int32_t number = 0; ridge_cpu_level_name(number) != nullptr; number++) {
    if (ridge_cpu_level_name(number) == level) return number;
  }
  return -1;
}

}  // namespace

std::string absent(const Variant& variant) {
  const auto& [platform, level] = variant.target;
  if (platform == Target::cuda) return cuda::absent();
  if (platform != Target::any && platform != kHere) {
    return std::string("it is for ") + (platform == Target::arm64 ? "arm64" : "x86-64") + " processors";
  }
  if (variant.prepare == nullptr) return std::string("this library was compiled without ") + level;
  if (level == std::string("avxvnni")) {
    return cpu_has_avxvnni() ? std::string() : "it needs AVX-VNNI, which this processor does not have";
  }
  if (number_of(level) <= ridge_cpu_level()) return "";
  return std::string("it needs ") + level + ", and this processor is used at " + ridge_cpu_level_name(ridge_cpu_level());
}

}  // namespace ridgepoint::ops
