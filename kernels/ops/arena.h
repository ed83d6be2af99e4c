// Memory of an op's inputs and outputs, with sentinels around each piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ridgepoint::ops {

// What a piece of memory is for. Kernels never write inputs; outputs and scratch are poisoned before a check.
enum class Use { input, output, scratch };

class Arena {
 public:
  // Zeroed, 64-byte aligned, on huge pages where the system has them for the asking. Reading up to 128 bytes behind the
  // end is allowed (what lies there is NaN in every float type), writing there is found.
  // @throws std::bad_alloc
  void* take(const char* name, size_t bytes, Use use);
  template <typename T>
  T* take(const char* name, int64_t count, Use use) {
    return static_cast<T*>(take(name, static_cast<size_t>(count) * sizeof(T), use));
  }

  // Fills outputs and scratch with NaN, and remembers what the inputs are.
  void poison();
  // A sentence about what was written that should not have been, or empty.
  std::string damage() const;
  size_t bytes() const;

 private:
  struct Piece {
    std::string name;
    std::unique_ptr<unsigned char, void (*)(void*)> memory;
    unsigned char* data;
    size_t bytes;
    Use use;
    uint64_t digest;
  };
  std::vector<Piece> pieces_;
};

}  // namespace ridgepoint::ops
