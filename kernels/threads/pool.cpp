#include "threads/pool.h"

#include <map>
#include <memory>
#include <system_error>

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#endif
#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace ridgepoint {
namespace {

// Looks before a thread sleeps: some 50 microseconds, longer than the gaps between the kernels of a model, shorter than what
// a neighbour would miss.
constexpr int kLooks = 2000;

inline void rest() {
#if defined(__x86_64__) || defined(_M_X64)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

void allow(const std::vector<int>& cpus) {
#if defined(__linux__)
  if (cpus.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) CPU_SET(cpu, &set);
  pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
#else
  (void)cpus;
#endif
}

}  // namespace

std::vector<int> usable_cpus() {
  std::vector<int> cpus;
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  if (pthread_getaffinity_np(pthread_self(), sizeof(set), &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
#endif
  return cpus;
}

Pool::Pool(int threads) {
  const std::vector<int> cpus = usable_cpus();
  if (static_cast<int>(cpus.size()) >= threads) cpus_ = cpus;
  hire(threads);
}

Pool::Pool(const std::vector<int>& cpus) : cpus_(cpus) { hire(static_cast<int>(cpus.size())); }

void Pool::hire(int threads) {
  try {
    for (int thread = 1; thread < threads; thread++) others_.emplace_back([this, thread] { serve(thread); });
  } catch (const std::system_error&) {
    // No more threads to be had: threads() says so.
  }
}

Pool::~Pool() {
  ending_.store(true);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    round_.fetch_add(1);
  }
  begun_.notify_all();
  for (auto& other : others_) other.join();
}

void Pool::start(Call call, const void* what) {
  if (!others_.empty()) {
    call_ = call;
    what_ = what;
    running_.store(static_cast<int>(others_.size()));
    round_.fetch_add(1);
    if (asleep_.load() > 0) {
      const std::lock_guard<std::mutex> lock(mutex_);
      begun_.notify_all();
    }
  }
  call(what, 0);
  for (int looks = 0; looks < kLooks; looks++) {
    if (running_.load(std::memory_order_acquire) == 0) return;
    rest();
  }
  std::unique_lock<std::mutex> lock(mutex_);
  ended_.wait(lock, [this] { return running_.load() == 0; });
}

void Pool::serve(int thread) {
  if (!cpus_.empty()) allow({cpus_[static_cast<size_t>(thread)]});
  uint32_t seen = 0;
  for (;;) {
    for (int looks = 0; looks < kLooks && round_.load(std::memory_order_acquire) == seen; looks++) rest();
    if (round_.load() == seen) {
      std::unique_lock<std::mutex> lock(mutex_);
      asleep_.fetch_add(1);
      begun_.wait(lock, [&] { return round_.load() != seen; });
      asleep_.fetch_sub(1);
    }
    seen++;
    if (ending_.load()) return;
    call_(what_, thread);
    if (running_.fetch_sub(1) == 1) {
      const std::lock_guard<std::mutex> lock(mutex_);
      ended_.notify_one();
    }
  }
}

Pool::Held::Held(const Pool& pool) {
  if (pool.cpus_.empty()) return;
  before_ = usable_cpus();
  allow({pool.cpus_.front()});
}

Pool::Held::~Held() { allow(before_); }

Pool& Pool::shared(int threads) {
  static std::mutex mutex;
  // Never destroyed: at the end of a process its threads may be gone already.
  static auto& pools = *new std::map<int, std::unique_ptr<Pool>>;
  const std::lock_guard<std::mutex> lock(mutex);
  auto& pool = pools[threads < 1 ? 1 : threads];
  if (pool == nullptr) pool = std::make_unique<Pool>(threads < 1 ? 1 : threads);
  return *pool;
}

}  // namespace ridgepoint
