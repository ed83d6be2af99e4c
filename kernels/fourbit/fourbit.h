// The C interface of quantization to four bits. The reference of every function is the TypeScript of
// test/support/four-bit, which has the same names and says what is computed; codes and scales agree to the bit where
// weights are rounded as they are, and GPTQ's as long as its sums in double precision round alike.
//
// Matrices are row-major, one row per output; columns are whole blocks. Codes have one byte per weight, of which the
// lower four bits count; scales one byte per block. format: `mxfp4`, `nvfp4` or `if4`. tensor_scale: what every scale
// is multiplied by. Functions return 0, or a code below; they do not throw.
#pragma once

#include <stdint.h>

#if defined(_WIN32)
#define RIDGE_API extern "C" __declspec(dllexport)
#else
#define RIDGE_API extern "C" __attribute__((visibility("default")))
#endif

enum { RIDGE_FOUR_BIT_OUT_OF_MEMORY = 1, RIDGE_FOUR_BIT_UNKNOWN_FORMAT = 2 };

// A number of this header (cmake/interface.cmake): the caller refuses another.
RIDGE_API int32_t ridge_fourbit_interface(void);

// Rounds every weight to the nearest value of its block. search: 0 = the scale that the format prescribes, 1 = that of
// the least squared error.
RIDGE_API int32_t ridge_four_bit_round(const float* weights, int64_t rows, int32_t columns, const char* format,
                                       double tensor_scale, int32_t search, int32_t threads, uint8_t* codes,
                                       uint8_t* scales);

// GPTQ: rounds column by column, and weights right of a column make up for its error. weights are overwritten. factor:
// U of H^-1 = U^T U (ridge_inverse_factor), with dead channels, whose weights become 0. block_columns: whole blocks.
RIDGE_API int32_t ridge_four_bit_gptq(float* weights, int64_t rows, int32_t columns, const double* factor,
                                      const uint8_t* dead, const char* format, double tensor_scale,
                                      int32_t block_columns, int32_t threads, uint8_t* codes, uint8_t* scales);

// The values that codes and scales stand for.
RIDGE_API int32_t ridge_four_bit_values(const uint8_t* codes, const uint8_t* scales, int64_t rows, int32_t columns,
                                        const char* format, double tensor_scale, int32_t threads, float* values);
