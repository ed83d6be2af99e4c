#include "ops/matrices/avx512_dense.h"
#include "ops/matrices/avx512_rows.h"

namespace ridgepoint::avx512bf16 {

RIDGE_ROWS(gemv_bf16, dense_rows<LanesBf16>)

}  // namespace ridgepoint::avx512bf16
