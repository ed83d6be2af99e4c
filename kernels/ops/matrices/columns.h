// Neighbouring columns of a row for the level that a file is compiled for.
#pragma once

#if defined(__AVX2__)
#include "ops/matrices/columns_avx2.h"
#else
#include "ops/matrices/columns_neon.h"
#endif
