/*
 * Sustained rates of memory, by the rules that STREAM published (J. D. McCalpin, 1995): arrays of doubles, each at least four
 * times the last-level caches together; the kernels copy, scale, add and triad; each run ten times, the first left out, the
 * best counts; bytes are those that the program reads and writes, 16 per element for copy and scale, 24 for add and triad.
 *
 * Written for bench:roofs, which holds Ridgepoint's roofs against it; compiled by it with -O3 -march=native -fopenmp, and once
 * more with -DSTREAMING, which stores past the caches, a line or (-DBLOCK=16) two at a time.
 *
 * Usage: memory-rates ELEMENTS. Prints one line: {"copy": bytes per second, "scale": .., "add": .., "triad": ..}
 */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef STREAMING
#include <immintrin.h>
#endif

enum { RUNS = 10, COPY = 0, SCALE, ADD, TRIAD, KERNELS };

/* Elements at a time, a multiple of eight: some processors store past the caches faster in longer runs. */
#ifndef BLOCK
#define BLOCK 8
#endif

/* Bytes, a multiple of a line: arrays begin at different places of their pages, as STREAM's own do, so that no load waits for a
 * store that only looks like it. */
enum { GAP = 1344 };

#ifdef STREAMING
static inline void put(double *to, const double *values) {
#if defined(__AVX512F__)
  for (int i = 0; i < BLOCK; i += 8) _mm512_stream_pd(to + i, _mm512_loadu_pd(values + i));
#elif defined(__AVX__)
  for (int i = 0; i < BLOCK; i += 4) _mm256_stream_pd(to + i, _mm256_loadu_pd(values + i));
#else
  for (int i = 0; i < BLOCK; i += 2) _mm_stream_pd(to + i, _mm_loadu_pd(values + i));
#endif
}
#define KERNEL(target, expression)                                  \
  _Pragma("omp parallel for schedule(static)")                      \
  for (long block = 0; block < n; block += BLOCK) {                 \
    double values[BLOCK];                                           \
    for (long k = 0; k < BLOCK; k++) {                              \
      const long i = block + k;                                     \
      values[k] = expression;                                       \
    }                                                               \
    put(target + block, values);                                    \
  }
#else
#define KERNEL(target, expression)                                  \
  _Pragma("omp parallel for schedule(static)")                      \
  for (long i = 0; i < n; i++) target[i] = expression;
#endif

int main(int count, char **words) {
  const long n = count > 1 ? atol(words[1]) / BLOCK * BLOCK : 0;
  const double scalar = 3.0;
  double *a = NULL, *b = NULL, *c = NULL;
  const size_t bytes = (size_t)n * sizeof(double) + 2 * GAP;
  if (n <= 0 || posix_memalign((void **)&a, 1 << 21, bytes) || posix_memalign((void **)&b, 1 << 21, bytes) ||
      posix_memalign((void **)&c, 1 << 21, bytes)) {
    fprintf(stderr, "memory-rates: give a number of elements that fits into memory three times\n");
    return 1;
  }
  b += GAP / sizeof(double);
  c += 2 * GAP / sizeof(double);
#pragma omp parallel for schedule(static)
  for (long i = 0; i < n; i++) {
    a[i] = 1.0;
    b[i] = 2.0;
    c[i] = 0.0;
  }
  double best[KERNELS] = {1e30, 1e30, 1e30, 1e30};
  for (int run = 0; run < RUNS; run++) {
    for (int kernel = 0; kernel < KERNELS; kernel++) {
      const double begin = omp_get_wtime();
      switch (kernel) {
        case COPY: KERNEL(c, a[i]) break;
        case SCALE: KERNEL(b, scalar * c[i]) break;
        case ADD: KERNEL(c, a[i] + b[i]) break;
        default: KERNEL(a, b[i] + scalar * c[i]) break;
      }
      const double took = omp_get_wtime() - begin;
      if (run > 0 && took < best[kernel]) best[kernel] = took;
    }
  }
  /* Every run multiplies: a' = b + s c with b = s a and c = a + b, so a grows by the same factor each time. */
  double expected = 1.0;
  for (int run = 0; run < RUNS; run++) expected = scalar * expected + scalar * (expected + scalar * expected);
  if (!(a[0] / expected > 1 - 1e-9 && a[0] / expected < 1 + 1e-9 && a[n - 1] == a[0])) {
    fprintf(stderr, "memory-rates: the arrays hold %g, and %g was expected\n", a[n - 1], expected);
    return 1;
  }
  const double size = (double)n * sizeof(double);
  printf("{\"copy\": %.6g, \"scale\": %.6g, \"add\": %.6g, \"triad\": %.6g}\n", 2 * size / best[COPY], 2 * size / best[SCALE],
         3 * size / best[ADD], 3 * size / best[TRIAD]);
  return 0;
}
