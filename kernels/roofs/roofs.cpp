#include "roofs/roofs.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "roofs/kernels.h"
#include "roofs/matrix.h"
#include "roofs/memory.h"
#include "roofs/stream.h"
#include "threads/pool.h"

using namespace ridgepoint;

namespace {

// Lines between arrays, so that a load is never taken for one of a store 4 KB away.
constexpr int64_t kGap = 21 * 64;
// A pass handles so much at a time (stream.cpp).
constexpr int64_t kGranule = 512;

using Clock = std::chrono::steady_clock;
double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

struct alignas(64) Span {
  Clock::time_point begin, end;
};

class Bench {
 public:
  Bench(const std::vector<int>& cpus, int64_t bytes) : pool(cpus), spans_(cpus.size()) {
    memory.resize(cpus.size());
    pool.run([&](int thread) { memory[static_cast<size_t>(thread)].take(bytes + 3 * kGap + kGranule); });
  }

  bool complete(size_t threads) const {
    return std::all_of(memory.begin(), memory.end(), [](const Memory& own) { return own.data() != nullptr; }) &&
           static_cast<size_t>(pool.threads()) == threads;
  }

  // Seconds from the first start to the last end; all threads begin together.
  template <typename Work>
  double timed(const Work& work) {
    std::atomic<int> arrived{0};
    const int threads = pool.threads();
    pool.run([&](int thread) {
      Span& own = spans_[static_cast<size_t>(thread)];
      arrived.fetch_add(1);
      while (arrived.load() < threads) {
      }
      own.begin = Clock::now();
      work(thread);
      own.end = Clock::now();
    });
    Clock::time_point begin = spans_[0].begin, end = spans_[0].end;
    for (const Span& span : spans_) {
      begin = std::min(begin, span.begin);
      end = std::max(end, span.end);
    }
    return seconds_between(begin, end);
  }

  // How often `work(thread, times)` takes at least `seconds`.
  template <typename Work>
  int64_t times_for(double seconds, const Work& work) {
    for (int64_t times = 1;;) {
      const double took = timed([&](int thread) { work(thread, times); });
      if (took >= seconds / 2 || times > (int64_t{1} << 40)) {
        return std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(times) * seconds / std::max(took, 1e-9)));
      }
      times *= took > seconds / 64 ? 2 : 8;
    }
  }

  Pool pool;
  std::vector<Memory> memory;
  // Of the last peak.
  const char* instructions = "";

 private:
  std::vector<Span> spans_;
};

StreamPass* pass_of(int32_t access) {
  switch (access) {
    case RIDGE_READ:
      return RIDGE_BEST(read_pass);
    case RIDGE_WRITE:
      return RIDGE_BEST(write_pass);
    case RIDGE_COPY:
      return RIDGE_BEST(copy_pass);
    default:
      return RIDGE_BEST(triad_pass);
  }
}

// Rates of `operations(thread, times)`, which returns what it did.
template <typename Work>
void measure(Bench& bench, double seconds, int32_t repeats, double* rates, const Work& work) {
  const int64_t times = bench.times_for(seconds, [&](int thread, int64_t n) { work(thread, n); });
  std::vector<int64_t> done(static_cast<size_t>(bench.pool.threads()) * 8);
  for (int32_t repeat = 0; repeat < repeats; repeat++) {
    const double took =
        bench.timed([&](int thread) { done[static_cast<size_t>(thread) * 8] = work(thread, times); });
    double all = 0;
    for (size_t at = 0; at < done.size(); at += 8) all += static_cast<double>(done[at]);
    rates[repeat] = all / took;
  }
}

// What this library has, of what the processor runs.
std::vector<const Kernel*> usable_kernels(int32_t arithmetic, int32_t unit) {
  std::vector<const Kernel*> found = kernels_for(arithmetic, unit, features_in_use());
  found.erase(std::remove_if(found.begin(), found.end(), [](const Kernel* kernel) { return !kernel->compiled(); }),
              found.end());
  return found;
}

int32_t vector_rates(Bench& bench, const Kernel& kernel, double seconds, int32_t repeats, double* rates) {
  measure(bench, seconds, repeats, rates, [&](int, int64_t rounds) { return kernel.peak(rounds); });
  return RIDGE_ROOFS_OK;
}

int32_t matrix_rates(Bench& bench, const Kernel& kernel, double seconds, int32_t repeats, double* rates) {
  const Tile tile = kernel.tile();
  std::vector<std::unique_ptr<Product>> products(static_cast<size_t>(bench.pool.threads()));
  std::atomic<int> wrong{0}, lacking{0};
  // Each thread's own, so that it lies in that thread's memory.
  bench.pool.run([&](int thread) {
    auto& own = products[static_cast<size_t>(thread)];
    own.reset(new (std::nothrow) Product(tile, kernel.arithmetic));
    if (own == nullptr || !own->usable()) lacking.fetch_add(1);
    else if (!own->right()) wrong.fetch_add(1);
  });
  if (lacking.load() > 0) return RIDGE_ROOFS_OUT_OF_MEMORY;
  if (wrong.load() > 0) return RIDGE_ROOFS_WRONG_RESULT;
  measure(bench, seconds, repeats, rates,
          [&](int thread, int64_t times) { return products[static_cast<size_t>(thread)]->run(times); });
  return RIDGE_ROOFS_OK;
}

// Turns of each kernel before one is chosen: what disturbs a turn only takes away.
constexpr int32_t kTurns = 3;
// One further down the table is chosen where it is faster by more than turns differ.
constexpr double kFaster = 1.05;

// Rates of the fastest kernel. One whose product is wrong is told, though another be right: it is a mistake of ours.
template <typename RatesOf>
int32_t best_rates(void* handle, int32_t arithmetic, int32_t unit, double seconds, int32_t repeats, double* rates,
                   const RatesOf& rates_of) {
  const std::vector<const Kernel*> kernels = usable_kernels(arithmetic, unit);
  if (kernels.empty()) return RIDGE_ROOFS_ABSENT;
  Bench& bench = *static_cast<Bench*>(handle);
  const Pool::Held held(bench.pool);
  const Kernel* fastest = kernels.front();
  double highest = 0;
  for (const Kernel* kernel : kernels) {
    double turns[kTurns] = {};
    const int32_t code = rates_of(bench, *kernel, seconds, kTurns, turns);
    bench.instructions = kernel->instructions;
    if (code != RIDGE_ROOFS_OK) return code;
    const double rate = *std::max_element(turns, turns + kTurns);
    if (rate > kFaster * highest) {
      highest = rate;
      fastest = kernel;
    }
  }
  bench.instructions = fastest->instructions;
  return rates_of(bench, *fastest, seconds, repeats, rates);
}

}  // namespace

const char* ridge_roofs_build(void) { return "ridgepoint-roofs:" RIDGE_ROOFS_BUILD; }

void* ridge_roofs_open(const int32_t* cpus, int32_t threads, int64_t bytes, int32_t* problem) try {
  const std::vector<int> wanted(cpus, cpus + std::max(threads, 0));
  const std::vector<int> usable = usable_cpus();
  for (size_t i = 0; i < wanted.size(); i++) {
    const bool twice = std::find(wanted.begin(), wanted.begin() + static_cast<int64_t>(i), wanted[i]) !=
                       wanted.begin() + static_cast<int64_t>(i);
    const bool strange = !usable.empty() && std::find(usable.begin(), usable.end(), wanted[i]) == usable.end();
    if (twice || strange || wanted[i] < 0) {
      *problem = RIDGE_ROOFS_WRONG_CPUS;
      return nullptr;
    }
  }
  if (wanted.empty() || bytes < 0) {
    *problem = RIDGE_ROOFS_WRONG_SIZE;
    return nullptr;
  }
  auto bench = std::make_unique<Bench>(wanted, bytes);
  if (bench->complete(wanted.size())) return bench.release();
  *problem = static_cast<size_t>(bench->pool.threads()) < wanted.size() ? RIDGE_ROOFS_FEWER_THREADS
                                                                          : RIDGE_ROOFS_OUT_OF_MEMORY;
  return nullptr;
} catch (const std::exception&) {
  *problem = RIDGE_ROOFS_OUT_OF_MEMORY;
  return nullptr;
}

void ridge_roofs_close(void* bench) { delete static_cast<Bench*>(bench); }

int32_t ridge_roofs_bandwidth(void* handle, int32_t access, int32_t streaming, int64_t bytes, double seconds,
                              int32_t repeats, double* bytes_per_second, uint64_t* checksum) try {
  Bench& bench = *static_cast<Bench*>(handle);
  if (access < RIDGE_READ || access > RIDGE_TRIAD) return RIDGE_ROOFS_WRONG_SIZE;
  const int64_t arrays = access <= RIDGE_WRITE ? 1 : access == RIDGE_COPY ? 2 : 3;
  const int64_t each = bytes / arrays / kGranule * kGranule;
  if (each < kGranule || bytes > bench.memory[0].bytes() - 3 * kGap) return RIDGE_ROOFS_WRONG_SIZE;
  const Pool::Held held(bench.pool);
  StreamPass* pass = pass_of(access);
  std::vector<uint64_t> seen(static_cast<size_t>(bench.pool.threads()) * 8);
  measure(bench, seconds, repeats, bytes_per_second, [&](int thread, int64_t times) {
    char* a = bench.memory[static_cast<size_t>(thread)].data();
    auto* b = reinterpret_cast<double*>(a + each + kGap);
    auto* c = reinterpret_cast<double*>(a + 2 * (each + kGap));
    for (int64_t time = 0; time < times; time++) {
      seen[static_cast<size_t>(thread) * 8] = pass(reinterpret_cast<double*>(a), b, c, each, streaming != 0);
    }
    return times * arrays * each;
  });
  uint64_t all = 0;
  for (size_t at = 0; at < seen.size(); at += 8) all ^= seen[at];
  if (checksum != nullptr) *checksum = all;
  return RIDGE_ROOFS_OK;
} catch (const std::exception&) {
  return RIDGE_ROOFS_OUT_OF_MEMORY;
}

int32_t ridge_roofs_vector(void* handle, int32_t arithmetic, double seconds, int32_t repeats,
                           double* flops_per_second) try {
  return best_rates(handle, arithmetic, RIDGE_VECTOR, seconds, repeats, flops_per_second, vector_rates);
} catch (const std::exception&) {
  return RIDGE_ROOFS_OUT_OF_MEMORY;
}

int32_t ridge_roofs_matrix(void* handle, int32_t arithmetic, double seconds, int32_t repeats,
                           double* flops_per_second) try {
  return best_rates(handle, arithmetic, RIDGE_MATRIX, seconds, repeats, flops_per_second, matrix_rates);
} catch (const std::exception&) {
  return RIDGE_ROOFS_OUT_OF_MEMORY;
}

const char* ridge_roofs_instructions(void* handle) { return static_cast<Bench*>(handle)->instructions; }

const char* ridge_roofs_choice(int32_t arithmetic, int32_t unit, const char* features, int32_t rank) try {
  const std::vector<const Kernel*> kernels = kernels_for(arithmetic, unit, features_of(features));
  return rank < 0 || rank >= static_cast<int32_t>(kernels.size()) ? nullptr : kernels[static_cast<size_t>(rank)]->instructions;
} catch (const std::exception&) {
  return nullptr;
}

int32_t ridge_roofs_launch(void* handle, int32_t launches, int32_t repeats, double* seconds) try {
  Bench& bench = *static_cast<Bench*>(handle);
  const Pool::Held held(bench.pool);
  for (int32_t repeat = 0; repeat < repeats; repeat++) {
    const auto begin = Clock::now();
    for (int32_t launch = 0; launch < launches; launch++) bench.pool.run([](int) {});
    seconds[repeat] = seconds_between(begin, Clock::now()) / launches;
  }
  return RIDGE_ROOFS_OK;
} catch (const std::exception&) {
  return RIDGE_ROOFS_OUT_OF_MEMORY;
}
