// Products of a warpgroup, four warps: compute capability 9.0 has them beside those of a warp, and only they reach its peak.
// Operands come from shared memory; d, 64 numbers a thread, is 64 x 128.
#pragma once

#include "machine.h"

// Whether this is compiled for the one architecture that has them.
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define RIDGE_WARPGROUPS 1
#elif defined(RIDGE_MACHINE_CODE) && defined(__CUDA_ARCH__) && __CUDA_ARCH__ == 900
#error "machine code for 9.0 is compiled as sm_90a: without the a these kernels would be empty, and the loader starts them"
#endif

#ifndef __CUDACC__

// Of operands whose elements are all alike, which is all that a peak needs: their layout does not show.
DEVICE void warpgroup_begin() {}
DEVICE void warpgroup_end() {}
DEVICE void shared_for_warpgroups() {}
template <class T, class Sum>
DEVICE void warpgroup_alike(Sum* d, const void* a, const void* b) {
  const T left = *static_cast<const T*>(a), right = *static_cast<const T*>(b);
  const auto product = emulated::value_of(left) * emulated::value_of(right);
  for (int i = 0; i < 64; i++) d[i] += static_cast<Sum>(32 / static_cast<int>(sizeof(T)) * product);
}
DEVICE void warpgroup_f16(float* d, const void* a, const void* b) { warpgroup_alike<f16>(d, a, b); }
DEVICE void warpgroup_bf16(float* d, const void* a, const void* b) { warpgroup_alike<bf16>(d, a, b); }
DEVICE void warpgroup_tf32(float* d, const void* a, const void* b) { warpgroup_alike<float>(d, a, b); }
DEVICE void warpgroup_int8(int* d, const void* a, const void* b) { warpgroup_alike<int8_t>(d, a, b); }
DEVICE void warpgroup_e4m3(float* d, const void* a, const void* b) { warpgroup_alike<emulated::e4m3>(d, a, b); }

#elif defined(RIDGE_WARPGROUPS)

// A matrix in shared memory as pieces of 8 lines of 16 bytes: two pieces along k beside each other, then the next 8 lines.
DEVICE uint64_t matrix_at(const void* shared) {
  const uint64_t address = __cvta_generic_to_shared(shared);
  constexpr uint64_t kAlongK = 128, kLines = 256;
  return (address & 0x3ffff) >> 4 | (kAlongK >> 4) << 16 | (kLines >> 4) << 32;
}
DEVICE void warpgroup_begin() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
// Waits for all products since.
DEVICE void warpgroup_end() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
  asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
}
// What threads wrote to shared memory becomes what products read.
DEVICE void shared_for_warpgroups() { asm volatile("fence.proxy.async;" ::: "memory"); }

#define RIDGE_WARPGROUP(name, Sum, letter, operation, scales)                          \
  DEVICE void name(Sum* d, const void* a, const void* b) {                              \
    asm volatile("wgmma.mma_async.sync.aligned." operation " {"                         \
      "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15," \
      "%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31," \
      "%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47," \
      "%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63" \
      "}, %64, %65, " scales ";" \
      : letter(d[0]), letter(d[1]), letter(d[2]), letter(d[3]), letter(d[4]), letter(d[5]), letter(d[6]), letter(d[7]), \
        letter(d[8]), letter(d[9]), letter(d[10]), letter(d[11]), letter(d[12]), letter(d[13]), letter(d[14]), letter(d[15]), \
        letter(d[16]), letter(d[17]), letter(d[18]), letter(d[19]), letter(d[20]), letter(d[21]), letter(d[22]), letter(d[23]), \
        letter(d[24]), letter(d[25]), letter(d[26]), letter(d[27]), letter(d[28]), letter(d[29]), letter(d[30]), letter(d[31]), \
        letter(d[32]), letter(d[33]), letter(d[34]), letter(d[35]), letter(d[36]), letter(d[37]), letter(d[38]), letter(d[39]), \
        letter(d[40]), letter(d[41]), letter(d[42]), letter(d[43]), letter(d[44]), letter(d[45]), letter(d[46]), letter(d[47]), \
        letter(d[48]), letter(d[49]), letter(d[50]), letter(d[51]), letter(d[52]), letter(d[53]), letter(d[54]), letter(d[55]), \
        letter(d[56]), letter(d[57]), letter(d[58]), letter(d[59]), letter(d[60]), letter(d[61]), letter(d[62]), letter(d[63]) \
      : "l"(matrix_at(a)), "l"(matrix_at(b)));                                          \
  }
#define RIDGE_FLOAT "+f"
#define RIDGE_WHOLE "+r"
RIDGE_WARPGROUP(warpgroup_f16, float, RIDGE_FLOAT, "m64n128k16.f32.f16.f16", "1, 1, 1, 0, 0")
RIDGE_WARPGROUP(warpgroup_bf16, float, RIDGE_FLOAT, "m64n128k16.f32.bf16.bf16", "1, 1, 1, 0, 0")
RIDGE_WARPGROUP(warpgroup_tf32, float, RIDGE_FLOAT, "m64n128k8.f32.tf32.tf32", "1, 1, 1")
RIDGE_WARPGROUP(warpgroup_int8, int, RIDGE_WHOLE, "m64n128k32.s32.s8.s8", "1")
RIDGE_WARPGROUP(warpgroup_e4m3, float, RIDGE_FLOAT, "m64n128k32.f32.e4m3.e4m3", "1, 1, 1")
#undef RIDGE_FLOAT
#undef RIDGE_WHOLE
#undef RIDGE_WARPGROUP

#endif
