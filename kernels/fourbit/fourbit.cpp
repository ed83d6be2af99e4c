// Every function of the interface, at the level of the processor it runs on.
#include "fourbit/levels.h"

int32_t ridge_four_bit_round(const float* weights, int64_t rows, int32_t columns, const char* format,
                             double tensor_scale, int32_t search, int32_t threads, uint8_t* codes, uint8_t* scales) {
  return RIDGE_BEST(four_bit_round)(weights, rows, columns, format, tensor_scale, search, threads, codes, scales);
}

int32_t ridge_four_bit_gptq(float* weights, int64_t rows, int32_t columns, const double* factor, const uint8_t* dead,
                            const char* format, double tensor_scale, int32_t block_columns, int32_t threads,
                            uint8_t* codes, uint8_t* scales) {
  return RIDGE_BEST(four_bit_gptq)(weights, rows, columns, factor, dead, format, tensor_scale, block_columns, threads,
                                   codes, scales);
}

int32_t ridge_four_bit_values(const uint8_t* codes, const uint8_t* scales, int64_t rows, int32_t columns,
                              const char* format, double tensor_scale, int32_t threads, float* values) {
  return RIDGE_BEST(four_bit_values)(codes, scales, rows, columns, format, tensor_scale, threads, values);
}
