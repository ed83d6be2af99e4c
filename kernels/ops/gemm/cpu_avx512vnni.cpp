#include "ops/matrices/avx512_gemm.h"
#include "ops/matrices/avx512_int4.h"
#include "ops/matrices/avx512_rows.h"

namespace ridgepoint::avx512vnni {

RIDGE_ROWS(gemm_int8, gemm_rows<LanesInt8, true>)
RIDGE_ROWS(gemm_int4, int4_rows)

}  // namespace ridgepoint::avx512vnni
