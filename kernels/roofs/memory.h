// Memory of one thread: large pages where the system gives them, on the node of the thread that touches it first.
#pragma once

#include <stdint.h>

namespace ridgepoint {

class Memory {
 public:
  Memory() = default;
  ~Memory();
  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&&) = delete;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  // Takes `bytes` and writes ones (as doubles) into all of it, in the calling thread. data() is null where there is none.
  void take(int64_t bytes);
  char* data() const { return data_; }
  int64_t bytes() const { return bytes_; }

 private:
  char* data_ = nullptr;
  int64_t bytes_ = 0;
  void* mapped_ = nullptr;
  int64_t mapped_bytes_ = 0;
};

}  // namespace ridgepoint
