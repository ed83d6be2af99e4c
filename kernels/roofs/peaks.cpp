#include "roofs/peaks.h"

#include "roofs/roofs.h"

namespace ridgepoint {

Peak* peak_of(int32_t arithmetic) {
  [[maybe_unused]] const Level level = cpu_level();
  switch (arithmetic) {
    case RIDGE_F64:
      return RIDGE_BEST(peak_f64);
    case RIDGE_F32:
      return RIDGE_BEST(peak_f32);
#if defined(RIDGE_HAS_AMX)
    case RIDGE_F16:
      return level >= kAmx ? peak_f16_amx : nullptr;
#elif defined(RIDGE_HAS_DOTPROD)
    case RIDGE_F16:
      return level >= kDot ? peak_f16_dotprod : nullptr;
#endif
#if defined(RIDGE_HAS_AVX512BF16)
    case RIDGE_BF16:
      return level >= kAvx512Bf16 ? peak_bf16_avx512bf16 : nullptr;
#elif defined(RIDGE_HAS_I8MM)
    case RIDGE_BF16:
      return level >= kI8mm ? peak_bf16_i8mm : nullptr;
#endif
    case RIDGE_INT8:
#if defined(RIDGE_HAS_AVX512VNNI)
      if (level >= kAvx512Vnni) return peak_int8_avx512vnni;
#endif
#if defined(RIDGE_HAS_AVX2)
      if (level >= kAvx2) return peak_int8_avx2;
#endif
#if defined(RIDGE_HAS_DOTPROD)
      if (level >= kDot) return peak_int8_dotprod;
#endif
      return nullptr;
    default:
      return nullptr;
  }
}

}  // namespace ridgepoint
