// Sixteen rows at a time for the level that a file is compiled for.
#pragma once

#if defined(__AVX2__)
#include "ops/matrices/lanes16_avx2.h"
#else
#include "ops/matrices/lanes16_neon.h"
#endif
