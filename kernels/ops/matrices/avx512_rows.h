// Kernels for AVX-512: dense rows one at a time (gemv) or several (gemm), tiles without zeros (bitmap, and even for two of four), blocks, and
// CSR. Whole numbers with VNNI, bfloat16 in pairs.
#pragma once

#include "cpu/levels.h"
#include "ops/matrices/rows_kernel.h"

namespace ridgepoint {

namespace avx512 {
ops::RowsFunctionType gemv_f32, gemv_f16, gemm_f32, gemm_f16, bitmap_f32, bitmap_f16, even_f32, even_f16, blocks_f32, blocks_f16;
ops::RowsFunctionType csr_f32, csr_f16, csr_bf16, csr_int8;
}
namespace avx512vnni {
ops::RowsFunctionType gemv_int8, gemv_int4, gemm_int8, gemm_int4, bitmap_int8, bitmap_int4, even_int8, blocks_int8;
}
namespace avx512bf16 {
ops::RowsFunctionType gemv_bf16, gemm_bf16, bitmap_bf16, even_bf16, blocks_bf16;
}

}  // namespace ridgepoint

// Defines one of them by a template over rows.
#define RIDGE_ROWS(name, ...)                                                                               \
  void name(const ops::Packed& w, const ops::Rounded& x, int64_t begin, int64_t end, float* y) {            \
    __VA_ARGS__(w, x, begin, end, y);                                                                       \
  }
