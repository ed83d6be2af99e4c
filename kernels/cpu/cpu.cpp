#include "cpu/cpu.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>

#include "cpu/features.h"
#include "cpu/levels.h"

namespace ridgepoint {
namespace {

// What each level adds to the one before it.
#if defined(__x86_64__) && defined(__GNUC__)
const char* const kNames[] = {"scalar", "avx2", "avx512", "avx512vnni", "avx512bf16", "amx"};
constexpr Features kAdds[] = {
    0,
    kAvx2Features,
    kAvx512Features,
    features({kFeatureAvx512vbmi, kFeatureAvx512Vbmi2, kFeatureAvx512Vnni, kFeatureAvx512Bitalg, kFeatureAvx512Vpopcntdq}),
    features({kFeatureAvx512Bf16}),
    features({kFeatureAmxBf16, kFeatureAvx512Fp16, kFeatureAmxTile, kFeatureAmxInt8}),
};
// Of no level, for processors of higher ones need not have it; from this level on it may be used.
constexpr Features kBeside = features({kFeatureAvxVnni});
constexpr int32_t kBesideFrom = kAvx2;
#elif defined(__aarch64__)
const char* const kNames[] = {"scalar", "neon", "dotprod", "i8mm"};
// armv8-a has ASIMD; a system that does not say so has it as well.
constexpr Features kAdds[] = {
    0,
    0,
    features({kFeatureAsimdhp, kFeatureAsimddp}),
    features({kFeatureI8mm, kFeatureBf16}),
};
constexpr Features kBeside = features({kFeatureAsimd});
constexpr int32_t kBesideFrom = kNeon;
#else
const char* const kNames[] = {"scalar"};
constexpr Features kAdds[] = {0};
constexpr Features kBeside = 0;
constexpr int32_t kBesideFrom = kScalar;
#endif

constexpr int32_t kLevels = static_cast<int32_t>(sizeof kNames / sizeof *kNames);

// The highest level all of whose instruction sets are there, and those of the levels below it.
int32_t level_of(Features has) {
  int32_t level = 0;
  while (level + 1 < kLevels && (kAdds[level + 1] & ~has) == 0) level++;
  return level;
}

// A compiler may know less than the processor: levels end where its flags do.
constexpr int32_t compiled() {
#if defined(__x86_64__)
#if defined(RIDGE_HAS_AMX)
  return kAmx;
#elif defined(RIDGE_HAS_AVX512BF16)
  return kAvx512Bf16;
#elif defined(RIDGE_HAS_AVX512VNNI)
  return kAvx512Vnni;
#elif defined(RIDGE_HAS_AVX512)
  return kAvx512;
#else
  return kScalar;
#endif
#elif defined(__aarch64__)
#if defined(RIDGE_HAS_I8MM)
  return kI8mm;
#elif defined(RIDGE_HAS_DOTPROD)
  return kDot;
#elif defined(RIDGE_HAS_NEON)
  return kNeon;
#else
  return kScalar;
#endif
#else
  return kScalar;
#endif
}

int32_t highest() {
  static const int32_t level = std::min(level_of(detected_features()), compiled());
  return level;
}

// A word that is no level is ignored here: the caller has refused it (engines/native/kernel-library.ts).
int32_t wanted() {
  const char* word = std::getenv("RIDGEPOINT_CPU");
  for (int32_t level = 0; word != nullptr && level < kLevels; level++) {
    if (std::strcmp(word, kNames[level]) == 0) return level;
  }
  return kLevels;
}

std::atomic<int32_t>& in_use() {
  static std::atomic<int32_t> level{std::min(highest(), wanted())};
  return level;
}

}  // namespace

bool cpu_has_avxvnni() { return (features_in_use() & features({kFeatureAvxVnni})) != 0; }

Features features_in_use() {
  const int32_t level = cpu_level();
  if (level == highest()) return detected_features();
  Features allowed = level >= kBesideFrom ? kBeside : 0;
  for (int32_t each = 0; each <= level; each++) allowed |= kAdds[each];
  return detected_features() & allowed;
}

}  // namespace ridgepoint

int32_t ridge_cpu_highest(void) { return ridgepoint::highest(); }

int32_t ridge_cpu_level(void) { return ridgepoint::in_use().load(std::memory_order_relaxed); }

const char* ridge_cpu_features(void) {
  static const std::string words = ridgepoint::words_of(ridgepoint::detected_features());
  return words.c_str();
}

int32_t ridge_cpu_level_of(const char* features) { return ridgepoint::level_of(ridgepoint::features_of(features)); }

int32_t ridge_cpu_limit(int32_t level) {
  const int32_t possible = std::min(ridgepoint::highest(), std::max<int32_t>(level, ridgepoint::kScalar));
  ridgepoint::in_use().store(possible, std::memory_order_relaxed);
  return possible;
}

const char* ridge_cpu_level_name(int32_t level) {
  return level < 0 || level >= ridgepoint::kLevels ? nullptr : ridgepoint::kNames[level];
}
