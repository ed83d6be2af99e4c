// Levels of instructions, each containing the ones before it, and how code of one name is chosen by level.
//
// A file listed under LEVELS in CMakeLists.txt is compiled once per level of kCloned below, its code inside
// `namespace ridgepoint::RIDGE_LEVEL`. A file listed under one level's own name is compiled once, with its flags.
//
// Inline functions and templates that are shared between files (std:: as well as ours) exist once per program, and the
// linker keeps the first. Objects are linked in order of their level, so what it keeps never needs more than the
// lowest level that uses it. Inline code whose speed matters belongs into RIDGE_LEVEL, too.
#pragma once

#include <stdint.h>

#include "cpu/cpu.h"

namespace ridgepoint {

#if defined(__x86_64__) || defined(_M_X64)
enum Level : int32_t {
  kScalar,      // x86-64 with SSE2
  kAvx2,        // AVX2, FMA, F16C, BMI2: Haswell, Zen
  kAvx512,      // AVX-512 F BW CD DQ VL: Skylake-X
  kAvx512Vnni,  // and VNNI VBMI VBMI2 BITALG VPOPCNTDQ: Ice Lake
  kAvx512Bf16,  // and BF16: Zen 4, Sapphire Rapids
  kAmx,         // and AVX-512 FP16, AMX tiles of int8 and bf16: Sapphire Rapids
};
#elif defined(__aarch64__) || defined(_M_ARM64)
enum Level : int32_t {
  kScalar,  // armv8-a without intrinsics; compilers vectorize with NEON here, too
  kNeon,    // armv8-a, with intrinsics
  kDot,     // dot products of int8, arithmetic in half precision: Cortex-A75, M1
  kI8mm,    // matrix products of int8 and bf16: Neoverse V1, M2
};
#else
enum Level : int32_t { kScalar };
#endif

// Whether AVX-VNNI may be used: processors without AVX-512 have it (Alder Lake), and some with it (Sapphire Rapids, Zen 5).
bool cpu_has_avxvnni();

inline Level cpu_level() { return static_cast<Level>(ridge_cpu_level()); }

// Of the functions that LEVELS files define under one name, the best that this processor runs.
#if defined(RIDGE_HAS_AVX512)
#define RIDGE_DECLARE_LEVELS(name, type)      \
  namespace scalar { type name; }             \
  namespace avx2 { type name; }               \
  namespace avx512 { type name; }
#define RIDGE_BEST(name)                                                  \
  (::ridgepoint::cpu_level() >= ::ridgepoint::kAvx512 ? ::ridgepoint::avx512::name \
   : ::ridgepoint::cpu_level() >= ::ridgepoint::kAvx2 ? ::ridgepoint::avx2::name   \
                                                      : ::ridgepoint::scalar::name)
// AVX2 at most, for loops that load vectors at any address: those of 64 bytes would cross a cache line each time.
#define RIDGE_BEST_UP_TO_AVX2(name) \
  (::ridgepoint::cpu_level() >= ::ridgepoint::kAvx2 ? ::ridgepoint::avx2::name : ::ridgepoint::scalar::name)
#elif defined(RIDGE_HAS_NEON)
#define RIDGE_DECLARE_LEVELS(name, type) \
  namespace scalar { type name; }        \
  namespace neon { type name; }
#define RIDGE_BEST(name) (::ridgepoint::cpu_level() >= ::ridgepoint::kNeon ? ::ridgepoint::neon::name : ::ridgepoint::scalar::name)
#define RIDGE_BEST_UP_TO_AVX2(name) RIDGE_BEST(name)
#else
#define RIDGE_DECLARE_LEVELS(name, type) \
  namespace scalar { type name; }
#define RIDGE_BEST(name) ::ridgepoint::scalar::name
#define RIDGE_BEST_UP_TO_AVX2(name) ::ridgepoint::scalar::name
#endif

}  // namespace ridgepoint
