#include "cores/cores.h"

#if defined(__linux__)

#include <pthread.h>
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

#include "roofs/chains.h"

namespace {

// About as many as keep the units of a core busy: each step takes six to eight cycles, and two or more begin in one.
constexpr int kChains = 12;
// Some 20 microseconds each.
constexpr int kWideRounds = 8000;
constexpr int kDependent = 8000;
// An odd number: of them the middle one counts, so that neither an interrupt nor a clock that just changes does.
constexpr int kTurns = 5;

// Of this thread: what another one takes of the CPU does not count.
double seconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// A product and a sum that stay near 1.
inline void step(double& value) {
  value = value * 0.999 + 0.001;
  ridgepoint::hide(value);
}

double independent() {
  // Twelve names, not an array: that would go through memory.
  double a = 1, b = 1, c = 1, d = 1, e = 1, f = 1, g = 1, h = 1, i = 1, j = 1, k = 1, l = 1;
  const double begin = seconds();
  for (int round = 0; round < kWideRounds; round++) {
    step(a), step(b), step(c), step(d), step(e), step(f);
    step(g), step(h), step(i), step(j), step(k), step(l);
  }
  return (seconds() - begin) / (kWideRounds * kChains);
}

double dependent() {
  double value = 1;
  const double begin = seconds();
  for (int round = 0; round < kDependent; round++) step(value);
  return (seconds() - begin) / kDependent;
}

double width() {
  std::array<double, kTurns> turns;
  for (double& turn : turns) {
    const double one = dependent();
    turn = one / std::max(independent(), 1e-12);
  }
  std::sort(turns.begin(), turns.end());
  return turns[kTurns / 2];
}

bool pin(int32_t cpu) {
  if (cpu < 0 || cpu >= CPU_SETSIZE) return false;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  return pthread_setaffinity_np(pthread_self(), sizeof set, &set) == 0;
}

}  // namespace

int32_t ridge_cores_read(const int32_t* cpus, int32_t count, double* out) try {
  std::vector<double> found(count);
  std::atomic<int32_t> waiting{count};
  std::atomic<bool> refused{false};
  std::vector<std::thread> threads;
  threads.reserve(count);
  try {
    for (int32_t i = 0; i < count; i++) {
      threads.emplace_back([&, i] {
        if (!pin(cpus[i])) refused = true;
        waiting--;
        // All at once: they may be each other's neighbours.
        while (waiting > 0) sched_yield();
        found[i] = width();
      });
    }
  } catch (const std::system_error&) {
    refused = true;
    waiting = 0;
  }
  for (std::thread& thread : threads) thread.join();
  if (refused) return 1;
  std::copy(found.begin(), found.end(), out);
  return 0;
} catch (...) {
  return 1;
}

#else

int32_t ridge_cores_read(const int32_t*, int32_t, double*) { return 1; }

#endif

int32_t ridge_cores_interface(void) { return 1; }
