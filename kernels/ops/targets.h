// Variants for one level of instructions: RIDGE_AVX2([](const Problem& problem, Arena& arena) { ... }) is its target and how it is
// prepared, or the target alone where compiler or architecture lacks the level. So every library describes every variant.
#pragma once

#include "cpu/levels.h"
#include "ops/op.h"

#if defined(RIDGE_HAS_AVX2)
#define RIDGE_AVX2(...) Target{Target::x64, "avx2"}, __VA_ARGS__
#else
#define RIDGE_AVX2(...) Target{Target::x64, "avx2"}, nullptr
#endif
#if defined(RIDGE_HAS_AVXVNNI)
#define RIDGE_AVXVNNI(...) Target{Target::x64, "avxvnni"}, __VA_ARGS__
#else
#define RIDGE_AVXVNNI(...) Target{Target::x64, "avxvnni"}, nullptr
#endif
#if defined(RIDGE_HAS_AVX512)
#define RIDGE_AVX512(...) Target{Target::x64, "avx512"}, __VA_ARGS__
#else
#define RIDGE_AVX512(...) Target{Target::x64, "avx512"}, nullptr
#endif
#if defined(RIDGE_HAS_AVX512VNNI)
#define RIDGE_AVX512VNNI(...) Target{Target::x64, "avx512vnni"}, __VA_ARGS__
#else
#define RIDGE_AVX512VNNI(...) Target{Target::x64, "avx512vnni"}, nullptr
#endif
#if defined(RIDGE_HAS_AVX512BF16)
#define RIDGE_AVX512BF16(...) Target{Target::x64, "avx512bf16"}, __VA_ARGS__
#else
#define RIDGE_AVX512BF16(...) Target{Target::x64, "avx512bf16"}, nullptr
#endif
#if defined(RIDGE_HAS_NEON)
#define RIDGE_NEON(...) Target{Target::arm64, "neon"}, __VA_ARGS__
#else
#define RIDGE_NEON(...) Target{Target::arm64, "neon"}, nullptr
#endif
#if defined(RIDGE_HAS_DOTPROD)
#define RIDGE_DOTPROD(...) Target{Target::arm64, "dotprod"}, __VA_ARGS__
#else
#define RIDGE_DOTPROD(...) Target{Target::arm64, "dotprod"}, nullptr
#endif

namespace ridgepoint::ops {

// Why this machine cannot run the variant, or empty.
std::string absent(const Variant& variant);

}  // namespace ridgepoint::ops
