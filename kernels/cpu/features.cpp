#include "cpu/features.h"

#include <cstring>

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

// Registers that CPUID answers in, and those that Linux tells programs on arm64.
enum Register : int32_t { kA, kB, kC, kD, kHwcap, kHwcap2 };

// State that the system must save when it switches threads (XCR0); without that an instruction is there and cannot be used.
constexpr uint64_t kNoState = 0, kVectors = 0x6, kWideVectors = 0xe6, kTiles = 0x60000;

struct Known {
  const char* word;
  // x86: bits of Intel's manual, volume 2, CPUID. arm64: of the kernel's arch/arm64/include/uapi/asm/hwcap.h.
  uint32_t leaf;
  uint32_t part;
  Register where;
  int32_t bit;
  uint64_t state;
  // macOS on arm64: the name that sysctl has for it.
  const char* sysctl;
};

// In the order of Feature.
constexpr Known kKnown[] = {
    {"fma", 1, 0, kC, 12, kVectors, nullptr},
    {"movbe", 1, 0, kC, 22, kNoState, nullptr},
    {"popcnt", 1, 0, kC, 23, kNoState, nullptr},
    {"avx", 1, 0, kC, 28, kVectors, nullptr},
    {"f16c", 1, 0, kC, 29, kVectors, nullptr},
    {"bmi1", 7, 0, kB, 3, kNoState, nullptr},
    {"avx2", 7, 0, kB, 5, kVectors, nullptr},
    {"bmi2", 7, 0, kB, 8, kNoState, nullptr},
    {"abm", 0x80000001u, 0, kC, 5, kNoState, nullptr},
    {"avx512f", 7, 0, kB, 16, kWideVectors, nullptr},
    {"avx512dq", 7, 0, kB, 17, kWideVectors, nullptr},
    {"avx512cd", 7, 0, kB, 28, kWideVectors, nullptr},
    {"avx512bw", 7, 0, kB, 30, kWideVectors, nullptr},
    {"avx512vl", 7, 0, kB, 31, kWideVectors, nullptr},
    {"avx512vbmi", 7, 0, kC, 1, kWideVectors, nullptr},
    {"avx512_vbmi2", 7, 0, kC, 6, kWideVectors, nullptr},
    {"avx512_vnni", 7, 0, kC, 11, kWideVectors, nullptr},
    {"avx512_bitalg", 7, 0, kC, 12, kWideVectors, nullptr},
    {"avx512_vpopcntdq", 7, 0, kC, 14, kWideVectors, nullptr},
    {"avx512_bf16", 7, 1, kA, 5, kWideVectors, nullptr},
    {"avx512_fp16", 7, 0, kD, 23, kWideVectors, nullptr},
    {"avx_vnni", 7, 1, kA, 4, kVectors, nullptr},
    {"amx_tile", 7, 0, kD, 24, kTiles, nullptr},
    {"amx_int8", 7, 0, kD, 25, kTiles, nullptr},
    {"amx_bf16", 7, 0, kD, 22, kTiles, nullptr},
    {"asimd", 0, 0, kHwcap, 1, kNoState, "hw.optional.AdvSIMD"},
    {"asimdhp", 0, 0, kHwcap, 10, kNoState, "hw.optional.arm.FEAT_FP16"},
    {"asimddp", 0, 0, kHwcap, 20, kNoState, "hw.optional.arm.FEAT_DotProd"},
    {"i8mm", 0, 0, kHwcap2, 13, kNoState, "hw.optional.arm.FEAT_I8MM"},
    {"bf16", 0, 0, kHwcap2, 14, kNoState, "hw.optional.arm.FEAT_BF16"},
};
static_assert(sizeof kKnown / sizeof *kKnown == kFeatures, "a line for each Feature");

#if defined(__x86_64__) && defined(__GNUC__)

constexpr bool kIsX86 = true;

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

bool has(const Known& known) {
  uint32_t registers[4] = {};
  if (__get_cpuid_count(known.leaf, known.part, &registers[0], &registers[1], &registers[2], &registers[3]) == 0)
    return false;
  if ((registers[known.where] >> known.bit & 1) == 0) return false;
  if (known.state == kNoState) return true;
  // XGETBV itself is there where the system has said that it saves more than it must (OSXSAVE).
  uint32_t one[4] = {};
  __get_cpuid(1, &one[0], &one[1], &one[2], &one[3]);
  if ((one[kC] >> 27 & 1) == 0 || (saved_state() & known.state) != known.state) return false;
  return known.state != kTiles || allow_tiles();
}

#elif defined(__aarch64__)

constexpr bool kIsX86 = false;

bool has(const Known& known) {
#if defined(__APPLE__)
  int value = 0;
  size_t size = sizeof value;
  return sysctlbyname(known.sysctl, &value, &size, nullptr, 0) == 0 && value != 0;
#elif defined(__linux__)
  return (getauxval(known.where == kHwcap ? AT_HWCAP : AT_HWCAP2) >> known.bit & 1) != 0;
#else
  return false;
#endif
}

#else

constexpr bool kIsX86 = false;
bool has(const Known&) { return false; }

#endif

Features detect() {
  Features found = 0;
  for (int32_t at = 0; at < kFeatures; at++) {
    const bool of_x86 = kKnown[at].where < kHwcap;
    if (of_x86 == kIsX86 && has(kKnown[at])) found |= Features{1} << at;
  }
  return found;
}

}  // namespace

Features detected_features() {
  static const Features found = detect();
  return found;
}

std::string words_of(Features features) {
  std::string words;
  for (int32_t at = 0; at < kFeatures; at++) {
    if ((features >> at & 1) == 0) continue;
    if (!words.empty()) words += ' ';
    words += kKnown[at].word;
  }
  return words;
}

Features features_of(const char* words) {
  Features found = 0;
  for (const char* word = words; *word != 0;) {
    const size_t length = std::strcspn(word, " ");
    for (int32_t at = 0; at < kFeatures; at++) {
      if (std::strlen(kKnown[at].word) == length && std::strncmp(word, kKnown[at].word, length) == 0)
        found |= Features{1} << at;
    }
    word += length + (word[length] == ' ' ? 1 : 0);
  }
  return found;
}

}  // namespace ridgepoint
