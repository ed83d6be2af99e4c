#include "roofs/stream.h"

#include "roofs/vectors.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ridgepoint::RIDGE_LEVEL {
namespace {

// Vectors that a step of a loop handles: enough loads in flight, and little counting between them.
constexpr int64_t kStep = 512 / kVectorBytes < 8 ? 8 : 512 / kVectorBytes;
constexpr int64_t kAccumulators = 8;

template <bool kStreaming>
inline void store(Doubles* to, Doubles value) {
#if defined(__AVX512F__)
  if (kStreaming) return _mm512_stream_pd(reinterpret_cast<double*>(to), (__m512d)value);
#elif defined(__AVX__)
  if (kStreaming) return _mm256_stream_pd(reinterpret_cast<double*>(to), (__m256d)value);
#elif defined(__x86_64__)
  if (kStreaming) return _mm_stream_pd(reinterpret_cast<double*>(to), (__m128d)value);
#endif
  *to = value;
}

// Streaming stores are ordered with nothing until this.
template <bool kStreaming>
inline void finish() {
#if defined(__x86_64__)
  if (kStreaming) _mm_sfence();
#endif
  // What was stored is looked at: no pass may be left out.
  __asm__ volatile("" ::: "memory");
}

template <bool kStreaming>
void write(double* a, int64_t bytes) {
  auto* to = reinterpret_cast<Doubles*>(a);
  const Doubles value = Doubles{} + 1.0;
  for (int64_t i = 0; i < bytes / kVectorBytes; i += kStep) {
    RIDGE_UNROLL for (int64_t k = 0; k < kStep; k++) store<kStreaming>(to + i + k, value);
  }
  finish<kStreaming>();
}

template <bool kStreaming>
void copy(double* a, const double* b, int64_t bytes) {
  auto* to = reinterpret_cast<Doubles*>(a);
  auto* from = reinterpret_cast<const Doubles*>(b);
  for (int64_t i = 0; i < bytes / kVectorBytes; i += kStep) {
    RIDGE_UNROLL for (int64_t k = 0; k < kStep; k++) store<kStreaming>(to + i + k, from[i + k]);
  }
  finish<kStreaming>();
}

template <bool kStreaming>
void triad(double* a, const double* b, const double* c, int64_t bytes) {
  auto* to = reinterpret_cast<Doubles*>(a);
  auto* from = reinterpret_cast<const Doubles*>(b);
  auto* scaled = reinterpret_cast<const Doubles*>(c);
  const Doubles scalar = Doubles{} + 3.0;
  for (int64_t i = 0; i < bytes / kVectorBytes; i += kStep) {
    RIDGE_UNROLL for (int64_t k = 0; k < kStep; k++) {
      store<kStreaming>(to + i + k, from[i + k] + scalar * scaled[i + k]);
    }
  }
  finish<kStreaming>();
}

}  // namespace

uint64_t read_pass(double* a, const double*, const double*, int64_t bytes, bool) {
  auto* from = reinterpret_cast<const Words*>(a);
  Words seen[kAccumulators] = {};
  for (int64_t i = 0; i < bytes / kVectorBytes; i += kStep) {
    RIDGE_UNROLL for (int64_t k = 0; k < kStep; k++) seen[k % kAccumulators] ^= from[i + k];
  }
  for (int64_t k = 1; k < kAccumulators; k++) seen[0] ^= seen[k];
  uint64_t all = 0;
  for (int64_t word = 0; word < kVectorBytes / 8; word++) all ^= seen[0][word];
  finish<false>();
  return all;
}

uint64_t write_pass(double* a, const double*, const double*, int64_t bytes, bool streaming) {
  streaming ? write<true>(a, bytes) : write<false>(a, bytes);
  return 0;
}

uint64_t copy_pass(double* a, const double* b, const double*, int64_t bytes, bool streaming) {
  streaming ? copy<true>(a, b, bytes) : copy<false>(a, b, bytes);
  return 0;
}

uint64_t triad_pass(double* a, const double* b, const double* c, int64_t bytes, bool streaming) {
  streaming ? triad<true>(a, b, c, bytes) : triad<false>(a, b, c, bytes);
  return 0;
}

}  // namespace ridgepoint::RIDGE_LEVEL
