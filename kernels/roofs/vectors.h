// Vectors as wide as the level has them, by the compilers' vector extension.
#pragma once

#include <stdint.h>

namespace ridgepoint::RIDGE_LEVEL {

#if defined(__AVX512F__)
constexpr int64_t kVectorBytes = 64;
constexpr int kRegisters = 32;
#elif defined(__AVX__)
constexpr int64_t kVectorBytes = 32;
constexpr int kRegisters = 16;
#elif defined(__aarch64__)
constexpr int64_t kVectorBytes = 16;
constexpr int kRegisters = 32;
#else
constexpr int64_t kVectorBytes = 16;
constexpr int kRegisters = 16;
#endif

typedef double Doubles __attribute__((vector_size(kVectorBytes), may_alias));
typedef float Floats __attribute__((vector_size(kVectorBytes), may_alias));
typedef uint64_t Words __attribute__((vector_size(kVectorBytes), may_alias));

#define RIDGE_UNROLL _Pragma("GCC unroll 32")

}  // namespace ridgepoint::RIDGE_LEVEL
