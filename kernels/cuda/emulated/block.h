// One thread block of a GPU on one CPU thread: a fiber for each CUDA thread, run in random order from barrier to barrier.
// What a GPU leaves undefined is made visible: shared memory begins as NaNs, asynchronous copies arrive no earlier than
// they are waited for, and threads that wait for each other at different barriers are an error instead of a hang.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace emulated {

struct Position {
  unsigned x = 1, y = 1, z = 1;
};

// What the running thread reads.
extern Position thread_position, block_position, block_size, grid_size;
extern unsigned char* dynamic_shared;

// The values of all lanes of this warp; `bytes` <= 144. Every lane of the warp must come here with the same `operation`.
struct Lane {
  alignas(16) unsigned char bytes[144];
};
const Lane* exchange(const void* mine, size_t bytes, int operation);

void wait_for_block();
void copy_later(void* to, const void* from, unsigned bytes);
void commit_copies();
void wait_for_copies(unsigned pending);

// Runs all blocks of a grid. Returns an empty text, or what went wrong.
const char* run_grid(Position grid, Position block, size_t shared_bytes, const std::function<void()>& kernel);

}  // namespace emulated
