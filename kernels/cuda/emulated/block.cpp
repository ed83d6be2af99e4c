#include "block.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cstdio>
#include <cstring>
#include <random>
#include <vector>

// Bounds of the section that holds the kernels' static shared variables (SHARED in instructions.h).
extern unsigned char __start_ridge_shared[] __attribute__((weak));
extern unsigned char __stop_ridge_shared[] __attribute__((weak));

namespace emulated {

Position thread_position, block_position, block_size, grid_size;
unsigned char* dynamic_shared = nullptr;

namespace {

constexpr size_t kStackBytes = 128 * 1024;
constexpr unsigned kWarp = 32;

enum class State { ready, at_warp, at_block, done };

struct Copy {
  void* to;
  const void* from;
  unsigned bytes;
  unsigned group;
};

struct Fiber {
  // Where it begins; once it runs, where it was left. Jumps make no system call, as contexts do.
  ucontext_t context;
  jmp_buf left;
  bool begun = false;
  Position position;
  State state = State::done;
  int operation = 0;
  unsigned exchanges = 0;
  unsigned group = 0;
  std::vector<Copy> copies;
};

struct Warp {
  Lane slots[2][kWarp];
};

std::vector<Fiber> fibers;
std::vector<Warp> warps;
unsigned char* stacks = nullptr;
size_t stacked = 0;
jmp_buf scheduler;
unsigned current = 0;
const std::function<void()>* body = nullptr;
char problem[256];
sigjmp_buf fault;

void switch_away(State state, int operation) {
  Fiber& self = fibers[current];
  self.state = state;
  self.operation = operation;
  if (_setjmp(self.left) == 0) _longjmp(scheduler, 1);
}

void switch_to(Fiber& fiber) {
  if (_setjmp(scheduler) != 0) return;
  if (fiber.begun) _longjmp(fiber.left, 1);
  fiber.begun = true;
  setcontext(&fiber.context);
}

void run_thread() {
  (*body)();
  fibers[current].state = State::done;
  _longjmp(scheduler, 1);
}

void fail(const char* text) {
  if (problem[0] == 0) snprintf(problem, sizeof problem, "block (%u, %u, %u): %s", block_position.x, block_position.y, block_position.z, text);
}

// Lets a warp go on when all its lanes wait for the same thing; returns whether it did.
bool release_warp(unsigned first, unsigned last) {
  for (unsigned i = first; i < last; i++) {
    if (fibers[i].state != State::at_warp) return false;
    if (fibers[i].operation != fibers[first].operation) fail("lanes of a warp meet in different instructions");
  }
  for (unsigned i = first; i < last; i++) fibers[i].state = State::ready;
  return true;
}

// Threads that have ended no longer count for a barrier, as on a GPU.
bool release_block(unsigned threads) {
  for (unsigned i = 0; i < threads; i++) {
    if (fibers[i].state != State::at_block && fibers[i].state != State::done) return false;
  }
  bool any = false;
  for (unsigned i = 0; i < threads; i++) {
    if (fibers[i].state != State::at_block) continue;
    fibers[i].state = State::ready;
    any = true;
  }
  return any;
}

void start_threads(unsigned threads) {
  for (unsigned i = 0; i < threads; i++) {
    Fiber& fiber = fibers[i];
    fiber.position = {i % block_size.x, i / block_size.x % block_size.y, i / block_size.x / block_size.y};
    fiber.state = State::ready;
    fiber.begun = false;
    fiber.exchanges = fiber.group = 0;
    fiber.copies.clear();
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = stacks + i * kStackBytes;
    fiber.context.uc_stack.ss_size = kStackBytes;
    fiber.context.uc_link = nullptr;
    makecontext(&fiber.context, run_thread, 0);
  }
}

void run_block(unsigned threads, std::mt19937& random) {
  start_threads(threads);
  while (problem[0] == 0) {
    const unsigned begin = random() % threads;
    const bool backwards = random() % 2 != 0;
    bool live = false;
    for (unsigned k = 0; k < threads; k++) {
      const unsigned i = backwards ? (begin + threads - k) % threads : (begin + k) % threads;
      if (fibers[i].state != State::ready) continue;
      current = i;
      thread_position = fibers[i].position;
      switch_to(fibers[i]);
    }
    bool released = false;
    for (unsigned first = 0; first < threads; first += kWarp) {
      released |= release_warp(first, first + kWarp < threads ? first + kWarp : threads);
    }
    released |= release_block(threads);
    for (unsigned i = 0; i < threads; i++) live |= fibers[i].state != State::done;
    if (!live) return;
    if (!released) fail("threads wait for others that never come");
  }
}

void on_fault(int) { siglongjmp(fault, 1); }

}  // namespace

const Lane* exchange(const void* mine, size_t bytes, int operation) {
  Fiber& self = fibers[current];
  const unsigned lane = current % kWarp;
  // Two sets in turn: nobody writes the one that a slower lane still reads.
  Lane* slots = warps[current / kWarp].slots[self.exchanges++ % 2];
  memcpy(slots[lane].bytes, mine, bytes);
  switch_away(State::at_warp, operation);
  return slots;
}

void wait_for_block() { switch_away(State::at_block, 0); }

void copy_later(void* to, const void* from, unsigned bytes) {
  Fiber& self = fibers[current];
  self.copies.push_back({to, from, bytes, self.group});
}

void commit_copies() { fibers[current].group++; }

void wait_for_copies(unsigned pending) {
  Fiber& self = fibers[current];
  std::vector<Copy> left;
  for (const Copy& copy : self.copies) {
    if (copy.group + pending >= self.group) {
      left.push_back(copy);
      continue;
    }
    memcpy(copy.to, copy.from, copy.bytes);
    memset(static_cast<char*>(copy.to) + copy.bytes, 0, 16 - copy.bytes);
  }
  self.copies = left;
}

const char* run_grid(Position grid, Position block, size_t shared_bytes, const std::function<void()>& kernel) {
  const unsigned threads = block.x * block.y * block.z;
  grid_size = grid;
  block_size = block;
  body = &kernel;
  problem[0] = 0;
  if (fibers.size() < threads) fibers.resize(threads);
  warps.resize((threads + kWarp - 1) / kWarp);
  if (stacked < threads) {
    if (stacks != nullptr) munmap(stacks, stacked * kStackBytes);
    stacked = threads;
    void* memory = mmap(nullptr, stacked * kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stacks = static_cast<unsigned char*>(memory);
  }
  // A page that may not be touched lies behind dynamic shared memory.
  const size_t page = 4096, room = (shared_bytes + page - 1) / page * page;
  unsigned char* shared = static_cast<unsigned char*>(
      mmap(nullptr, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  mprotect(shared + room, page, PROT_NONE);
  dynamic_shared = shared + (room - (shared_bytes + 15) / 16 * 16);
  struct sigaction action = {}, before_segv, before_bus;
  action.sa_handler = on_fault;
  action.sa_flags = SA_NODEFER;
  sigaction(SIGSEGV, &action, &before_segv);
  sigaction(SIGBUS, &action, &before_bus);
  static std::mt19937 random(2);
  if (sigsetjmp(fault, 1) != 0) {
    fail("an address outside of its buffer");
  } else {
    for (unsigned b = 0; b < grid.x * grid.y * grid.z && problem[0] == 0; b++) {
      block_position = {b % grid.x, b / grid.x % grid.y, b / grid.x / grid.y};
      memset(shared, 0xff, room);
      if (__start_ridge_shared != nullptr) memset(__start_ridge_shared, 0xff, static_cast<size_t>(__stop_ridge_shared - __start_ridge_shared));
      run_block(threads, random);
    }
  }
  sigaction(SIGSEGV, &before_segv, nullptr);
  sigaction(SIGBUS, &before_bus, nullptr);
  munmap(shared, room + page);
  return problem;
}

}  // namespace emulated
