#include "cpu/cpu.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>

#include "cpu/levels.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace ridgepoint {
namespace {

#if defined(__x86_64__) && defined(__GNUC__)

const char* const kNames[] = {"scalar", "avx2", "avx512", "avx512vnni", "avx512bf16", "amx"};

struct Registers {
  uint32_t a = 0, b = 0, c = 0, d = 0;
};

Registers cpuid(uint32_t leaf, uint32_t part) {
  Registers r;
  __get_cpuid_count(leaf, part, &r.a, &r.b, &r.c, &r.d);
  return r;
}

// Which registers the system saves when it switches threads; without that an instruction is there and cannot be used.
uint64_t saved_state() {
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<uint64_t>(high) << 32 | low;
}

// Linux gives the tiles of AMX (8 KB a thread) to processes that ask.
bool allow_tiles() {
#if defined(__linux__)
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

// Bits of Intel's manual, volume 2, CPUID.
int32_t detect() {
  const auto has = [](uint32_t word, std::initializer_list<int> bits) {
    return std::all_of(bits.begin(), bits.end(), [word](int bit) { return (word >> bit & 1) != 0; });
  };
  const Registers one = cpuid(1, 0), seven = cpuid(7, 0), more = cpuid(7, 1), extended = cpuid(0x80000001u, 0);
  if (!has(one.c, {27})) return kScalar;
  const uint64_t saved = saved_state();
  // FMA, MOVBE, POPCNT, AVX, F16C; BMI1, AVX2, BMI2; LZCNT.
  if (!has(one.c, {12, 22, 23, 28, 29}) || !has(seven.b, {3, 5, 8}) || !has(extended.c, {5})) return kScalar;
  if ((saved & 0x6) != 0x6) return kScalar;
  if (!has(seven.b, {16, 17, 28, 30, 31}) || (saved & 0xe6) != 0xe6) return kAvx2;
  // VBMI, VBMI2, VNNI, BITALG, VPOPCNTDQ.
  if (!has(seven.c, {1, 6, 11, 12, 14})) return kAvx512;
  if (!has(more.a, {5})) return kAvx512Vnni;
  // AMX_BF16, AVX512_FP16, AMX_TILE, AMX_INT8.
  if (!has(seven.d, {22, 23, 24, 25}) || (saved & 0x60000) != 0x60000 || !allow_tiles()) return kAvx512Bf16;
  return kAmx;
}

bool detect_avxvnni() { return (cpuid(7, 1).a >> 4 & 1) != 0; }

#elif defined(__aarch64__)

const char* const kNames[] = {"scalar", "neon", "dotprod", "i8mm"};

#if defined(__APPLE__)
bool has(const char* feature) {
  int value = 0;
  size_t size = sizeof value;
  return sysctlbyname(feature, &value, &size, nullptr, 0) == 0 && value != 0;
}

int32_t detect() {
  if (!has("hw.optional.arm.FEAT_DotProd") || !has("hw.optional.arm.FEAT_FP16")) return kNeon;
  return has("hw.optional.arm.FEAT_I8MM") && has("hw.optional.arm.FEAT_BF16") ? kI8mm : kDot;
}
#elif defined(__linux__)
int32_t detect() {
  // Bits of the kernel's arch/arm64/include/uapi/asm/hwcap.h.
  const unsigned long one = getauxval(AT_HWCAP), two = getauxval(AT_HWCAP2);
  const bool half = (one >> 10 & 1) != 0, dot = (one >> 20 & 1) != 0;
  if (!half || !dot) return kNeon;
  return (two >> 13 & 1) != 0 && (two >> 14 & 1) != 0 ? kI8mm : kDot;
}
#else
int32_t detect() { return kNeon; }
#endif

#else

const char* const kNames[] = {"scalar"};
int32_t detect() { return kScalar; }

#endif

constexpr int32_t kLevels = static_cast<int32_t>(sizeof kNames / sizeof *kNames);

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
  static const int32_t level = std::min(detect(), compiled());
  return level;
}

// A word that is no level is ignored here: the caller has refused it (agent/native/kernel-library.ts).
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

bool cpu_has_avxvnni() {
#if defined(__x86_64__) && defined(__GNUC__)
  static const bool has = detect_avxvnni();
  return has && cpu_level() >= kAvx2;
#else
  return false;
#endif
}

}  // namespace ridgepoint

int32_t ridge_cpu_interface(void) { return 1; }

int32_t ridge_cpu_highest(void) { return ridgepoint::highest(); }

int32_t ridge_cpu_level(void) { return ridgepoint::in_use().load(std::memory_order_relaxed); }

int32_t ridge_cpu_limit(int32_t level) {
  const int32_t possible = std::min(ridgepoint::highest(), std::max<int32_t>(level, ridgepoint::kScalar));
  ridgepoint::in_use().store(possible, std::memory_order_relaxed);
  return possible;
}

const char* ridge_cpu_level_name(int32_t level) {
  return level < 0 || level >= ridgepoint::kLevels ? nullptr : ridgepoint::kNames[level];
}
