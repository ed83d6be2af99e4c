#include "ops/matrices/avx512_dense.h"
#include "ops/matrices/avx512_int4.h"
#include "ops/matrices/avx512_rows.h"

namespace ridgepoint::avx512vnni {

RIDGE_ROWS(gemv_int8, dense_rows<LanesInt8>)
RIDGE_ROWS(gemv_int4, int4_rows)

}  // namespace ridgepoint::avx512vnni
