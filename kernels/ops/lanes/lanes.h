// The lanes of the level that a file is compiled for (cpu/levels.h). To be included by LEVELS files alone.
#pragma once

#include "cpu/levels.h"

#if defined(__AVX512F__)
#include "ops/lanes/avx512.h"
#elif defined(__AVX2__)
#include "ops/lanes/avx2.h"
#elif defined(RIDGE_AT_NEON)
#include "ops/lanes/neon.h"
#else
#include "ops/lanes/scalar.h"
#endif

namespace ridgepoint::RIDGE_LEVEL {

#if defined(__AVX512F__)
using Lanes = Avx512;
#elif defined(__AVX2__)
using Lanes = Avx2;
#elif defined(RIDGE_AT_NEON)
using Lanes = Neon;
#else
using Lanes = Scalar;
#endif

}  // namespace ridgepoint::RIDGE_LEVEL
