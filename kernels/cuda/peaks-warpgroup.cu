// Peaks of tensor cores by products of warpgroups, as peaks.cu has those of warps: with operands of ones, a sum is what was
// added. On other architectures these kernels are there and do nothing; the loader does not start them.
#include "machine/machine.h"
#include "machine/warpgroup.h"

namespace warpgroup {

constexpr int kThreads = 256;
constexpr int kUnrolled = 4;
// 64 lines and 128 lines of 32 bytes.
constexpr int kBytes = 4096;

#if defined(RIDGE_WARPGROUPS) || !defined(__CUDACC__)

template <class Sum, void (*step)(Sum*, const void*, const void*)>
DEVICE void peak(unsigned char* shared, uint32_t a, uint32_t b, int32_t rounds, Sum* out) {
  uint32_t* left = reinterpret_cast<uint32_t*>(shared);
  uint32_t* right = reinterpret_cast<uint32_t*>(shared + kBytes);
  for (int i = static_cast<int>(threadIdx.x); i < kBytes / 4; i += kThreads) {
    left[i] = a;
    right[i] = b;
  }
  shared_for_warpgroups();
  barrier();
  Sum sums[64] = {};
  for (int32_t round = 0; round < rounds; round += kUnrolled) {
    warpgroup_begin();
#pragma unroll
    for (int i = 0; i < kUnrolled; i++) step(sums, left, right);
    warpgroup_end();
  }
  // Sixteen numbers a thread are looked at; the others, which equal them, are added in, or the compiler might leave them away.
  Sum* own = out + (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) * 16;
  for (int i = 0; i < 16; i++) {
    Sum differs = 0;
    for (int k = 16; k < 64; k += 16) differs += sums[i + k] == sums[i] ? 0 : 1;
    own[i] = sums[i] + differs;
  }
}
#define RIDGE_PEAK(Sum, step) warpgroup::peak<Sum, step>(shared, a, b, rounds, out)
#else
#define RIDGE_PEAK(Sum, step) (void)shared, (void)a, (void)b, (void)rounds, (void)out
#endif

}  // namespace warpgroup

// a, b: a word of equal elements. rounds: a multiple of 4. out: sixteen sums for each thread. Shared memory: 8 KiB.
#define WARPGROUP_PEAK(name, Sum, step)                                                                    \
  KERNEL THREADS(warpgroup::kThreads) name(uint32_t a, uint32_t b, int32_t rounds, Sum* out) {             \
    DYNAMIC_SHARED(shared);                                                                                \
    RIDGE_PEAK(Sum, step);                                                                                 \
  }                                                                                                        \
  ENTRY(name)
WARPGROUP_PEAK(peak_warpgroup_f16, float, warpgroup_f16)
WARPGROUP_PEAK(peak_warpgroup_bf16, float, warpgroup_bf16)
WARPGROUP_PEAK(peak_warpgroup_tf32, float, warpgroup_tf32)
WARPGROUP_PEAK(peak_warpgroup_int8, int, warpgroup_int8)
WARPGROUP_PEAK(peak_warpgroup_fp8, float, warpgroup_e4m3)
#undef WARPGROUP_PEAK
#undef RIDGE_PEAK
