#include "cores/cores.h"

#if defined(__linux__)

#include <pthread.h>
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <system_error>
#include <thread>
#include <vector>

#include "roofs/chains.h"

namespace {

// About as many as keep the units of a core busy: each step takes six to eight cycles, and two or more begin in one.
constexpr int kChains = 12;
constexpr int kCounts = 8;
// Some 20 microseconds each.
constexpr int kWideRounds = 6000;
constexpr int kDependent = 8000;
constexpr int kRoundTrips = 500;
// An odd number: of them the middle one counts, so that neither an interrupt nor a clock that just changes does.
constexpr int kTurns = 5;

// Of this thread: what another one takes of the CPU does not count.
double seconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// A product and a sum that stay near 1.
inline void step(double& value, double factor = 0.999) {
  value = value * factor + 0.001;
  ridgepoint::hide(value);
}

inline void count(uint64_t& value, uint64_t by) {
  value = (value ^ by) + 7;
  __asm__ volatile("" : "+r"(value));
}

// Steps that load what they need, and integers beside them: more than a core begins in one cycle, so that whatever else is on it
// takes from them, be it with the units for floating point, those for integers, loads, or by being there.
double independent() {
  alignas(64) static const std::array<double, kChains> factors = {0.999, 0.998, 0.997, 0.996, 0.995, 0.994,
                                                                  0.993, 0.992, 0.991, 0.990, 0.989, 0.988};
  const double* factor = factors.data();
  // Names, not arrays: those would go through memory.
  double a = 1, b = 1, c = 1, d = 1, e = 1, f = 1, g = 1, h = 1, i = 1, j = 1, k = 1, l = 1;
  uint64_t m = 1, n = 2, o = 3, p = 4, q = 5, r = 6, s = 7, t = 8;
  const double begin = seconds();
  for (uint64_t round = 0; round < kWideRounds; round++) {
    __asm__ volatile("" : "+r"(factor));
    step(a, factor[0]), step(b, factor[1]), count(m, round), step(c, factor[2]), count(n, round);
    step(d, factor[3]), step(e, factor[4]), count(o, round), step(f, factor[5]), count(p, round);
    step(g, factor[6]), step(h, factor[7]), count(q, round), step(i, factor[8]), count(r, round);
    step(j, factor[9]), step(k, factor[10]), count(s, round), step(l, factor[11]), count(t, round);
  }
  return (seconds() - begin) / (kWideRounds * (kChains + kCounts));
}

double dependent() {
  double value = 1;
  const double begin = seconds();
  for (int round = 0; round < kDependent; round++) step(value);
  return (seconds() - begin) / kDependent;
}

double ownWidth() {
  std::array<double, kTurns> turns;
  for (double& turn : turns) {
    const double one = dependent();
    turn = one / std::max(independent(), 1e-12);
  }
  std::sort(turns.begin(), turns.end());
  return turns[kTurns / 2];
}

// Between a CPU and the next. Each on a line of its own, for they are what goes to and fro.
struct Link {
  alignas(64) std::atomic<int32_t> there{0};
  alignas(64) std::atomic<int32_t> back{0};
};

// A thread that waits for one that was interrupted lets others on after a while.
void await(const std::atomic<int32_t>& line, int32_t value) {
  for (int32_t asked = 1; line.load(std::memory_order_acquire) != value; asked++)
    if (asked % 4096 == 0) sched_yield();
}

void answer(Link& link) {
  for (int32_t trip = 1; trip <= kTurns * kRoundTrips; trip++) {
    await(link.there, trip);
    link.back.store(trip, std::memory_order_release);
  }
}

double roundTrip(Link& link) {
  double least = 1;
  int32_t trip = 0;
  for (int turn = 0; turn < kTurns; turn++) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < kRoundTrips; i++) {
      link.there.store(++trip, std::memory_order_release);
      await(link.back, trip);
    }
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    // Whatever comes between makes it longer, nothing shorter.
    least = std::min(least, taken.count() / kRoundTrips);
  }
  return least;
}

bool pin(int32_t cpu) {
  if (cpu < 0 || cpu >= CPU_SETSIZE) return false;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  return pthread_setaffinity_np(pthread_self(), sizeof set, &set) == 0;
}

}  // namespace

int32_t ridge_cores_read(const int32_t* cpus, int32_t count, double* width, double* latency) try {
  std::vector<double> widths(count);
  std::vector<double> latencies(std::max(count - 1, 0));
  std::vector<Link> links(latencies.size());
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
        if (refused) return;
        widths[i] = ownWidth();
        // Every second pair, then those between them.
        for (int32_t first : {0, 1}) {
          const bool asks = i % 2 == first;
          if (asks && i + 1 < count) latencies[i] = roundTrip(links[i]);
          if (!asks && i > 0) answer(links[i - 1]);
        }
      });
    }
  } catch (const std::system_error&) {
    refused = true;
    waiting = 0;
  }
  for (std::thread& thread : threads) thread.join();
  if (refused) return 1;
  std::copy(widths.begin(), widths.end(), width);
  std::copy(latencies.begin(), latencies.end(), latency);
  return 0;
} catch (...) {
  return 1;
}

#else

int32_t ridge_cores_read(const int32_t*, int32_t, double*, double*) { return 1; }

#endif
