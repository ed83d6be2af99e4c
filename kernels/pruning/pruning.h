// The C interface of native pruning. The reference of every function is the TypeScript of test/support/pruning,
// which has the same names and says what is computed; masks agree to the bit, SparseGPT's weights to rounding.
//
// Matrices are row-major, one row per output. Masks have one bit per weight, 1 = pruned, least significant bit first,
// rows of ceil(columns / 8) bytes. Inputs are finite and lengths fit: the caller has checked. Functions return 0, or a
// code below; they do not throw.
#pragma once

#include <stdint.h>

#if defined(_WIN32)
#define RIDGE_API extern "C" __declspec(dllexport)
#else
#define RIDGE_API extern "C" __attribute__((visibility("default")))
#endif

enum { RIDGE_OK = 0, RIDGE_OUT_OF_MEMORY = 1, RIDGE_NOT_POSITIVE_DEFINITE = 2, RIDGE_UNKNOWN_SCORE = 3 };

// A number of this header (cmake/interface.cmake): the caller refuses another.
RIDGE_API int32_t ridge_pruning_interface(void);

// score: its kind as core/techniques/pruning/scores.ts calls it: `magnitude` |w|, `scaled` |w| * factors[j], or `sparsegpt`
// (w / diagonal[j])^2; what it does not read may be null. RIDGE_UNKNOWN_SCORE for another word.
// Pattern: the `pruned` least of every `group` columns; group 0 means the `pruned` least of the row.
RIDGE_API int32_t ridge_select(const float* weights, int64_t rows, int32_t columns, const char* score,
                               const float* factors, const double* diagonal, int32_t pruned, int32_t group,
                               int32_t threads, uint8_t* mask);

// norms: square roots of R, Wanda's factors, by which kept weights are pruned. sums: S. divisor: V^power, or null.
// initial, factors, diagonal: the score of the first mask, as above.
// lost: null, or one value for each row: what its output has lost already, added to its error. initial_mask is then read.
// counts: cycles, steps, rows above the threshold, 1 where the published code fails, 1 where its choice is undefined.
RIDGE_API int32_t ridge_dsnot(const float* weights, int64_t rows, int32_t columns, const float* norms,
                              const float* sums, const float* divisor, const char* initial,
                              const float* factors, const double* diagonal, const float* lost, int32_t pruned,
                              int32_t group, int32_t max_cycles, double threshold, int32_t strict, int32_t without_same_sign,
                              int32_t threads, uint8_t* initial_mask, uint8_t* mask, int64_t* counts);

// Adds x x^T of every token to the upper triangle of sums, columns x columns. inputs: tokens x columns.
RIDGE_API int32_t ridge_add_products(double* sums, const float* inputs, int64_t tokens, int32_t columns,
                                     int32_t threads);

// hessian: columns x columns, upper triangle read; replaced by U with H^-1 = U^T U. dead: written.
// On RIDGE_NOT_POSITIVE_DEFINITE, *channel says where.
RIDGE_API int32_t ridge_inverse_factor(double* hessian, int32_t columns, double damping, int32_t threads,
                                       uint8_t* dead, int32_t* channel);

// weights are updated in place. factor: U. ratio is read when group is 0.
RIDGE_API int32_t ridge_sparsegpt(float* weights, int64_t rows, int32_t columns, const double* factor,
                                  const uint8_t* dead, double ratio, int32_t pruned, int32_t group,
                                  int32_t block_columns, int32_t threads, uint8_t* mask);

// squares[row] = d H d^T, d = weights - other of that row; other may be null. hessian: upper triangle read.
RIDGE_API int32_t ridge_squared_output(const float* weights, const float* other, int64_t rows, int32_t columns,
                                       const double* hessian, int32_t threads, double* squares);

// Exchanges a pruned for a kept weight in every row of `mask`, the best of all pairs first, until none lowers d H d^T by
// more than 1e-12 of the row's sum of values^2 H_jj, or max_swaps are made. d = weights - values where kept, weights where
// pruned; values: what a weight is where it is kept. group 0: any two of a row, else two of a group. hessian: upper triangle
// read; as much memory again is taken. made: swaps of every row; before, after: its d H d^T.
RIDGE_API int32_t ridge_swaps(const float* weights, const float* values, int64_t rows, int32_t columns,
                              const double* hessian, int32_t group, int32_t max_swaps, int32_t threads, uint8_t* mask,
                              int32_t* made, double* before, double* after);
