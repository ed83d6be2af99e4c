#include "roofs/kernels.h"

#include "roofs/roofs.h"

namespace ridgepoint {
namespace {

// RIDGE_IF(AVX2, f): f where cmake/levels.cmake compiled that word's files, else null: `f` and what it names then vanish.
#define RIDGE_SKIP_1 0,
#define RIDGE_SECOND(first, second, ...) second
#define RIDGE_CHOOSE(...) RIDGE_SECOND(__VA_ARGS__, 0)
#define RIDGE_JOIN(has, function) RIDGE_CHOOSE(RIDGE_SKIP_##has function, nullptr)
#define RIDGE_EXPAND(has, function) RIDGE_JOIN(has, function)
#define RIDGE_IF(word, function) RIDGE_EXPAND(RIDGE_HAS_##word, function)

constexpr Features kAsimd = features({kFeatureAsimd});

// Of one arithmetic and unit those with the most operations a cycle come first. That is the order to try them in; which is the
// fastest here is measured (roofs.cpp), for clocks and the width of units differ between processors of one instruction set.
const Kernel kKernels[] = {
    {RIDGE_F64, RIDGE_VECTOR, "avx512f", kAvx512Features, RIDGE_IF(AVX512, avx512::peak_f64), nullptr},
    {RIDGE_F64, RIDGE_VECTOR, "avx2", kAvx2Features, RIDGE_IF(AVX512, avx2::peak_f64), nullptr},
    {RIDGE_F64, RIDGE_VECTOR, "asimd", kAsimd, RIDGE_IF(NEON, neon::peak_f64), nullptr},
    {RIDGE_F64, RIDGE_VECTOR, "baseline", 0, scalar::peak_f64, nullptr},

    {RIDGE_F32, RIDGE_VECTOR, "avx512f", kAvx512Features, RIDGE_IF(AVX512, avx512::peak_f32), nullptr},
    {RIDGE_F32, RIDGE_VECTOR, "avx2", kAvx2Features, RIDGE_IF(AVX512, avx2::peak_f32), nullptr},
    {RIDGE_F32, RIDGE_VECTOR, "asimd", kAsimd, RIDGE_IF(NEON, neon::peak_f32), nullptr},
    {RIDGE_F32, RIDGE_VECTOR, "baseline", 0, scalar::peak_f32, nullptr},
    {RIDGE_F32, RIDGE_MATRIX, "avx512f", kAvx512Features, nullptr, RIDGE_IF(AVX512, avx512::tile_f32)},
    {RIDGE_F32, RIDGE_MATRIX, "avx2", kAvx2Features, nullptr, RIDGE_IF(AVX512, avx2::tile_f32)},
    {RIDGE_F32, RIDGE_MATRIX, "asimd", kAsimd, nullptr, RIDGE_IF(NEON, neon::tile_f32)},
    {RIDGE_F32, RIDGE_MATRIX, "baseline", 0, nullptr, scalar::tile_f32},

    {RIDGE_BF16, RIDGE_VECTOR, "avx512_bf16", kAvx512Features | features({kFeatureAvx512Bf16}),
     RIDGE_IF(BF16512, peak_bf16_avx512_bf16), nullptr},
    {RIDGE_BF16, RIDGE_VECTOR, "bf16", features({kFeatureBf16}), RIDGE_IF(BF16, peak_bf16_bf16), nullptr},
    {RIDGE_BF16, RIDGE_MATRIX, "amx_bf16", features({kFeatureAmxTile, kFeatureAmxBf16}), nullptr,
     RIDGE_IF(AMXBF16, tile_bf16_amx)},
    {RIDGE_BF16, RIDGE_MATRIX, "avx512_bf16", kAvx512Features | features({kFeatureAvx512Bf16}), nullptr,
     RIDGE_IF(BF16512, tile_bf16_avx512_bf16)},
    {RIDGE_BF16, RIDGE_MATRIX, "bf16", features({kFeatureBf16}), nullptr, RIDGE_IF(BF16, tile_bf16_bf16)},

    {RIDGE_F16, RIDGE_VECTOR, "avx512_fp16", kAvx512Features | features({kFeatureAvx512Fp16}),
     RIDGE_IF(FP16512, peak_f16_avx512_fp16), nullptr},
    {RIDGE_F16, RIDGE_VECTOR, "asimdhp", features({kFeatureAsimdhp}), RIDGE_IF(FP16, peak_f16_asimdhp), nullptr},

    {RIDGE_INT8, RIDGE_VECTOR, "avx512_vnni", kAvx512Features | features({kFeatureAvx512Vnni}),
     RIDGE_IF(VNNI512, peak_int8_avx512_vnni), nullptr},
    {RIDGE_INT8, RIDGE_VECTOR, "avx_vnni", kAvx2Features | features({kFeatureAvxVnni}),
     RIDGE_IF(AVXVNNI, peak_int8_avx_vnni), nullptr},
    {RIDGE_INT8, RIDGE_VECTOR, "avx512bw", kAvx512Features, RIDGE_IF(AVX512, peak_int8_avx512bw), nullptr},
    {RIDGE_INT8, RIDGE_VECTOR, "avx2", kAvx2Features, RIDGE_IF(AVX2, peak_int8_avx2), nullptr},
    {RIDGE_INT8, RIDGE_VECTOR, "i8mm", features({kFeatureI8mm}), RIDGE_IF(MMLA, peak_int8_i8mm), nullptr},
    {RIDGE_INT8, RIDGE_VECTOR, "asimddp", features({kFeatureAsimddp}), RIDGE_IF(DOT, peak_int8_asimddp), nullptr},
    {RIDGE_INT8, RIDGE_MATRIX, "amx_int8", features({kFeatureAmxTile, kFeatureAmxInt8}), nullptr,
     RIDGE_IF(AMXINT8, tile_int8_amx)},
    {RIDGE_INT8, RIDGE_MATRIX, "avx512_vnni", kAvx512Features | features({kFeatureAvx512Vnni}), nullptr,
     RIDGE_IF(VNNI512, tile_int8_avx512_vnni)},
    {RIDGE_INT8, RIDGE_MATRIX, "avx_vnni", kAvx2Features | features({kFeatureAvxVnni}), nullptr,
     RIDGE_IF(AVXVNNI, tile_int8_avx_vnni)},
    {RIDGE_INT8, RIDGE_MATRIX, "avx512bw", kAvx512Features, nullptr, RIDGE_IF(AVX512, tile_int8_avx512bw)},
    {RIDGE_INT8, RIDGE_MATRIX, "avx2", kAvx2Features, nullptr, RIDGE_IF(AVX2, tile_int8_avx2)},
    {RIDGE_INT8, RIDGE_MATRIX, "i8mm", features({kFeatureI8mm}), nullptr, RIDGE_IF(MMLA, tile_int8_i8mm)},
    {RIDGE_INT8, RIDGE_MATRIX, "asimddp", features({kFeatureAsimddp}), nullptr, RIDGE_IF(DOT, tile_int8_asimddp)},
};

}  // namespace

std::vector<const Kernel*> kernels_for(int32_t arithmetic, int32_t unit, Features has) {
  std::vector<const Kernel*> found;
  for (const Kernel& kernel : kKernels) {
    if (kernel.arithmetic == arithmetic && kernel.unit == unit && (kernel.needs & ~has) == 0) found.push_back(&kernel);
  }
  return found;
}

}  // namespace ridgepoint
