// Every function of the interface, at the level of the processor it runs on.
#include "pruning/levels.h"

int32_t ridge_select(const float* weights, int64_t rows, int32_t columns, const char* score, const float* factors,
                     const double* diagonal, int32_t pruned, int32_t group, int32_t threads, uint8_t* mask) {
  return RIDGE_BEST(select)(weights, rows, columns, score, factors, diagonal, pruned, group, threads, mask);
}

int32_t ridge_dsnot(const float* weights, int64_t rows, int32_t columns, const float* norms, const float* sums,
                    const float* divisor, const char* initial, const float* factors, const double* diagonal,
                    const float* lost, int32_t pruned, int32_t group, int32_t max_cycles, double threshold,
                    int32_t strict, int32_t without_same_sign, int32_t threads, uint8_t* initial_mask, uint8_t* mask, int64_t* counts) {
  return RIDGE_BEST(dsnot)(weights, rows, columns, norms, sums, divisor, initial, factors, diagonal, lost, pruned,
                           group, max_cycles, threshold, strict, without_same_sign, threads, initial_mask, mask, counts);
}

int32_t ridge_add_products(double* sums, const float* inputs, int64_t tokens, int32_t columns, int32_t threads) {
  return RIDGE_BEST(add_products)(sums, inputs, tokens, columns, threads);
}

int32_t ridge_inverse_factor(double* hessian, int32_t columns, double damping, int32_t threads, uint8_t* dead,
                             int32_t* channel) {
  return RIDGE_BEST_UP_TO_AVX2(inverse_factor)(hessian, columns, damping, threads, dead, channel);
}

int32_t ridge_sparsegpt(float* weights, int64_t rows, int32_t columns, const double* factor, const uint8_t* dead,
                        double ratio, int32_t pruned, int32_t group, int32_t block_columns, int32_t threads,
                        uint8_t* mask) {
  return RIDGE_BEST(sparsegpt)(weights, rows, columns, factor, dead, ratio, pruned, group, block_columns, threads,
                               mask);
}

int32_t ridge_squared_output(const float* weights, const float* other, int64_t rows, int32_t columns,
                             const double* hessian, int32_t threads, double* squares) {
  return RIDGE_BEST(squared_output)(weights, other, rows, columns, hessian, threads, squares);
}

int32_t ridge_swaps(const float* weights, const float* values, int64_t rows, int32_t columns, const double* hessian,
                    int32_t group, int32_t max_swaps, int32_t threads, uint8_t* mask, int32_t* made, double* before,
                    double* after) {
  return RIDGE_BEST(swaps)(weights, values, rows, columns, hessian, group, max_swaps, threads, mask, made, before, after);
}
