// The machine on a GPU. Instructions of compute capability 8.0, and of 8.9 and 9.0 where they are guarded.
#pragma once

#define KERNEL extern "C" __global__ void
#define DEVICE static __device__ __forceinline__
#define DEVICE_MEMBER __device__ __forceinline__
#define SHARED __shared__
// Shared memory whose size the launch gives, as bytes aligned to 16.
#define DYNAMIC_SHARED(name) extern __shared__ __align__(16) unsigned char name[]
#define THREADS(count) __launch_bounds__(count)
// Only the emulation has to be told which functions are kernels.
#define ENTRY(name)

DEVICE void barrier() { __syncthreads(); }
DEVICE void warp_barrier() { __syncwarp(); }
DEVICE float shuffle_xor(float value, unsigned mask) { return __shfl_xor_sync(0xffffffffu, value, static_cast<int>(mask)); }
DEVICE unsigned shuffle_xor(unsigned value, unsigned mask) { return __shfl_xor_sync(0xffffffffu, value, static_cast<int>(mask)); }
DEVICE float shuffle(float value, unsigned lane) { return __shfl_sync(0xffffffffu, value, static_cast<int>(lane)); }
DEVICE unsigned shuffle(unsigned value, unsigned lane) { return __shfl_sync(0xffffffffu, value, static_cast<int>(lane)); }
DEVICE unsigned shuffle_up(unsigned value, unsigned by) { return __shfl_up_sync(0xffffffffu, value, by); }

DEVICE uint64_t clock_nanoseconds() {
  uint64_t now;
  asm volatile("mov.u64 %0, %globaltimer;" : "=l"(now));
  return now;
}

DEVICE float larger(float a, float b) { return fmaxf(a, b); }
DEVICE float exponential(float x) { return __expf(x); }
DEVICE float accurate_exponential(float x) { return expf(x); }
DEVICE float nearest(float x) { return rintf(x); }
DEVICE float root(float x) { return sqrtf(x); }
DEVICE float infinity() { return __int_as_float(0x7f800000); }
DEVICE float bits_as_float(uint32_t bits) { return __uint_as_float(bits); }
DEVICE uint32_t float_as_bits(float value) { return __float_as_uint(value); }
DEVICE int ones(uint32_t bits) { return __popc(bits); }

DEVICE float widen(f16 value) {
  float wide;
  asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(value.bits));
  return wide;
}
DEVICE void narrow(float value, f16* to) { asm("cvt.rn.f16.f32 %0, %1;" : "=h"(to->bits) : "f"(value)); }
DEVICE void narrow(float value, bf16* to) { asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(to->bits) : "f"(value)); }
// Two halves in a word, the first in the low bits.
DEVICE uint32_t pack_f16(float first, float second) {
  uint32_t word;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(second), "f"(first));
  return word;
}
DEVICE uint32_t pack_bf16(float first, float second) {
  uint32_t word;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(second), "f"(first));
  return word;
}
DEVICE uint32_t round_tf32(float value) {
  uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(value));
  return bits;
}

DEVICE void fma_f16x2(uint32_t& sum, uint32_t a, uint32_t b) {
  asm volatile("fma.rn.f16x2 %0, %0, %1, %2;" : "+r"(sum) : "r"(a), "r"(b));
}
DEVICE void fma_bf16x2(uint32_t& sum, uint32_t a, uint32_t b) {
  asm volatile("fma.rn.bf16x2 %0, %0, %1, %2;" : "+r"(sum) : "r"(a), "r"(b));
}
DEVICE void fma_f32(float& sum, float a, float b) { asm volatile("fma.rn.f32 %0, %0, %1, %2;" : "+f"(sum) : "f"(a), "f"(b)); }
DEVICE void fma_f64(double& sum, double a, double b) {
  asm volatile("fma.rn.f64 %0, %0, %1, %2;" : "+d"(sum) : "d"(a), "d"(b));
}
// Four products of signed bytes, added.
DEVICE void dot_int8x4(int& sum, uint32_t a, uint32_t b) {
  asm volatile("dp4a.s32.s32 %0, %1, %2, %0;" : "+r"(sum) : "r"(a), "r"(b));
}

#define RIDGE_MMA(name, shape, types)                                                                        \
  DEVICE void name(float* d, const uint32_t* a, const uint32_t* b) {                                         \
    asm volatile("mma.sync.aligned." shape ".row.col." types                                                 \
                 " {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"                                    \
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                                            \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));                        \
  }
RIDGE_MMA(mma_f16, "m16n8k16", "f32.f16.f16.f32")
RIDGE_MMA(mma_bf16, "m16n8k16", "f32.bf16.bf16.f32")
RIDGE_MMA(mma_tf32, "m16n8k8", "f32.tf32.tf32.f32")
#if __CUDA_ARCH__ >= 890
RIDGE_MMA(mma_e4m3, "m16n8k32", "f32.e4m3.e4m3.f32")
#else
// Compute capability 8.9 brings eight-bit floats; the loader does not launch these kernels below it.
DEVICE void mma_e4m3(float*, const uint32_t*, const uint32_t*) { __trap(); }
#endif
#undef RIDGE_MMA

DEVICE void mma_int8(int* d, const uint32_t* a, const uint32_t* b) {
  asm volatile(
      "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Places that ascend may be said to, since PTX 8.5; some cards are faster then. The PTX that is shipped is older.
#if defined(RIDGE_MACHINE_CODE) && (__CUDACC_VER_MAJOR__ > 12 || (__CUDACC_VER_MAJOR__ == 12 && __CUDACC_VER_MINOR__ >= 5))
#define RIDGE_SPARSE "mma.sp::ordered_metadata"
#else
#define RIDGE_SPARSE "mma.sp"
#endif

// 16 x 32 by 32 x 8 halves, of which the first keeps two of every four: `a` holds the kept ones as a dense 16 x 16.
// `places`, read of the lanes 4 group and 4 group + 1: two bits for the place of each kept one; the low half is row
// `group`, the high half row group + 8; the first of the two lanes has the first 16 columns, the second the others.
DEVICE void mma_sparse_f16(float* d, const uint32_t* a, const uint32_t* b, uint32_t places) {
  asm volatile(
      RIDGE_SPARSE ".sync.aligned.m16n8k32.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9,%10,%11}, "
      "{%0,%1,%2,%3}, %12, 0x0;"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "r"(b[2]), "r"(b[3]), "r"(places));
}

// Four 8 x 16-byte matrices of shared memory; lane l gives the address of row l % 8 of matrix l / 8, and gets word l % 4
// of row l / 4 of each.
DEVICE void load_matrices(uint32_t* words, const void* row) {
  const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
               : "r"(address)
               : "memory");
}
// The same of matrices of 8 x 8 halves, each transposed: lane l gets halves (2 (l % 4), l / 4) and (2 (l % 4) + 1, l / 4).
DEVICE void load_transposed(uint32_t* words, const void* row) {
  const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
               : "r"(address)
               : "memory");
}

// 16 bytes from global to shared memory without a register; of these, what is behind `bytes` becomes zero and is not read.
DEVICE void copy_async(void* to, const void* from, unsigned bytes) {
  const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(to));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(from), "r"(bytes) : "memory");
}
DEVICE void copies_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Waits until at most `pending` of this thread's groups are under way.
template <int pending>
DEVICE void copies_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}
