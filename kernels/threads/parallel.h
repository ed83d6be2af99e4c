// Splits a range over threads. Chunks are handed out one at a time, so uneven work balances itself.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <system_error>
#include <thread>
#include <vector>

namespace ridgepoint {

// Calls work(thread, begin, end) for chunks of [0, count) on at most `threads` threads. The work must not throw.
template <typename Work>
void parallel(int64_t count, int64_t chunk, int threads, const Work& work) {
  const int64_t chunks = (count + chunk - 1) / chunk;
  const int used = static_cast<int>(std::min<int64_t>(std::max(threads, 1), chunks));
  std::atomic<int64_t> next{0};
  auto run = [&](int thread) {
    for (;;) {
      const int64_t begin = next.fetch_add(chunk);
      if (begin >= count) return;
      work(thread, begin, std::min(begin + chunk, count));
    }
  };
  std::vector<std::thread> others;
  try {
    for (int thread = 1; thread < used; thread++) others.emplace_back(run, thread);
  } catch (const std::system_error&) {
    // No more threads to be had: those that run, and this one, do the work.
  }
  if (used > 0) run(0);
  for (auto& other : others) other.join();
}

}  // namespace ridgepoint
