// Threads that stay: a kernel that takes a millisecond cannot wait for threads to be made.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace ridgepoint {

// As many threads as asked for, the caller one of them. Each is pinned to a CPU of its own, in the order of the CPUs that the
// process may use, when it may use as many; otherwise none is. Waiting threads spin for a while and then sleep.
class Pool {
 public:
  explicit Pool(int threads);
  // One thread for each of these CPUs, pinned to it. The caller has checked that it may use them.
  explicit Pool(const std::vector<int>& cpus);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // With fewer than asked for, the system had no more.
  int threads() const { return static_cast<int>(others_.size()) + 1; }

  // Calls work(thread) once on each thread, the caller's as 0, and returns when all have ended. The work must not throw.
  template <typename Work>
  void run(const Work& work) {
    start([](const void* what, int thread) { (*static_cast<const Work*>(what))(thread); }, &work);
  }

  // Calls work(thread, begin, end) for chunks of [0, count), handed out one at a time, so that a thread that another
  // process slows down gets fewer.
  template <typename Work>
  void split(int64_t count, int64_t chunk, const Work& work) {
    if (count <= chunk || others_.empty()) {
      if (count > 0) work(0, int64_t{0}, count);
      return;
    }
    std::atomic<int64_t> next{0};
    run([&](int thread) {
      for (;;) {
        const int64_t begin = next.fetch_add(chunk, std::memory_order_relaxed);
        if (begin >= count) return;
        work(thread, begin, begin + chunk < count ? begin + chunk : count);
      }
    });
  }

  // Holds the calling thread on the CPU of thread 0 while it lives, and gives it back what it had. Threads that it makes
  // meanwhile would inherit the one CPU: hold it for as long as kernels run, and no longer.
  class Held {
   public:
    explicit Held(const Pool& pool);
    ~Held();
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

   private:
    std::vector<int> before_;
  };

  // The pool of so many threads that everybody in the process shares. One caller at a time.
  static Pool& shared(int threads);

 private:
  using Call = void (*)(const void*, int);
  void start(Call call, const void* what);
  void serve(int thread);
  void hire(int threads);

  std::vector<int> cpus_;
  std::vector<std::thread> others_;
  Call call_ = nullptr;
  const void* what_ = nullptr;
  // What the threads look at while they spin, each on a line of its own.
  alignas(64) std::atomic<uint32_t> round_{0};
  alignas(64) std::atomic<int> running_{0};
  alignas(64) std::atomic<int> asleep_{0};
  std::atomic<bool> ending_{false};
  std::mutex mutex_;
  std::condition_variable begun_;
  std::condition_variable ended_;
};

// The CPUs that the calling thread may use, ascending; empty where the system does not say.
std::vector<int> usable_cpus();

}  // namespace ridgepoint
