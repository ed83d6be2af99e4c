// Sixteen rows at a time for the level that a file is compiled for.
#pragma once

#if defined(__AVX2__)
#include "ops/matrices/sixteen_avx2.h"
#else
#include "ops/matrices/sixteen_neon.h"
#endif
