// The interface, at the level of the processor it runs on.
#include "adapters/levels.h"

int32_t ridge_merge_adapter(float* weights, int64_t rows, int32_t columns, int64_t first, const float* a,
                            const float* b, int32_t rank, double factor, const float* magnitude, double strength,
                            int32_t threads) {
  return RIDGE_BEST(merge_adapter)(weights, rows, columns, first, a, b, rank, factor, magnitude, strength, threads);
}
