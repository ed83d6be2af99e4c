// Instruction sets of processors, each for itself, by the words that Linux's /proc/cpuinfo has for them: which of them a
// processor has follows from no other. Levels (levels.h) are bundles of them. Words of all architectures are here, so that what
// would be chosen on one can be asked on another.
#pragma once

#include <stdint.h>

#include <initializer_list>
#include <string>

namespace ridgepoint {

enum Feature : int32_t {
  kFeatureFma,
  kFeatureMovbe,
  kFeaturePopcnt,
  kFeatureAvx,
  kFeatureF16c,
  kFeatureBmi1,
  kFeatureAvx2,
  kFeatureBmi2,
  kFeatureAbm,
  kFeatureAvx512f,
  kFeatureAvx512dq,
  kFeatureAvx512cd,
  kFeatureAvx512bw,
  kFeatureAvx512vl,
  kFeatureAvx512vbmi,
  kFeatureAvx512Vbmi2,
  kFeatureAvx512Vnni,
  kFeatureAvx512Bitalg,
  kFeatureAvx512Vpopcntdq,
  kFeatureAvx512Bf16,
  kFeatureAvx512Fp16,
  kFeatureAvxVnni,
  kFeatureAmxTile,
  kFeatureAmxInt8,
  kFeatureAmxBf16,
  kFeatureAsimd,
  kFeatureAsimdhp,
  kFeatureAsimddp,
  kFeatureI8mm,
  kFeatureBf16,
  kFeatures
};

// A set of them, a bit each.
using Features = uint64_t;

constexpr Features features(std::initializer_list<Feature> each) {
  Features all = 0;
  for (const Feature one : each) all |= Features{1} << one;
  return all;
}

// What several kernels ask for: the flags of cmake/levels.cmake.
constexpr Features kAvx2Features = features({kFeatureFma, kFeatureMovbe, kFeaturePopcnt, kFeatureAvx, kFeatureF16c,
                                             kFeatureBmi1, kFeatureAvx2, kFeatureBmi2, kFeatureAbm});
constexpr Features kAvx512Features = kAvx2Features | features({kFeatureAvx512f, kFeatureAvx512dq, kFeatureAvx512cd,
                                                               kFeatureAvx512bw, kFeatureAvx512vl});

// Those of this processor that the system lets programs use.
Features detected_features();

// Those that kernels may use at the level in use: all at the highest level, else what that level and those below it have.
Features features_in_use();

// Words with spaces between them, and back; words that are not known here count for nothing.
std::string words_of(Features features);
Features features_of(const char* words);

}  // namespace ridgepoint
