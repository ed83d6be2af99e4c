// Multiply-adds from registers. Each runs `rounds` rounds and returns the operations done, a multiply and an add as two.
#pragma once

#include <stdint.h>

#include "cpu/levels.h"

namespace ridgepoint {

using Peak = int64_t(int64_t rounds);

RIDGE_DECLARE_LEVELS(peak_f64, Peak)
RIDGE_DECLARE_LEVELS(peak_f32, Peak)

Peak peak_int8_avx2;
Peak peak_int8_avx512vnni;
Peak peak_bf16_avx512bf16;
Peak peak_f16_amx;
Peak peak_f16_dotprod;
Peak peak_int8_dotprod;
Peak peak_bf16_i8mm;

// The best of the level in use; null where it has none. `arithmetic` as in roofs.h.
Peak* peak_of(int32_t arithmetic);

}  // namespace ridgepoint
