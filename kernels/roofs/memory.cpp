#include "roofs/memory.h"

#include <algorithm>
#include <utility>

#if defined(_WIN32)
#include <malloc.h>
#else
#include <sys/mman.h>
#endif

namespace ridgepoint {
namespace {

constexpr int64_t kLargePage = 2 << 20;

int64_t up(int64_t bytes) { return (bytes + kLargePage - 1) / kLargePage * kLargePage; }

}  // namespace

void Memory::take(int64_t bytes) {
  mapped_bytes_ = up(bytes) + kLargePage;
#if defined(_WIN32)
  mapped_ = _aligned_malloc(static_cast<size_t>(mapped_bytes_), kLargePage);
  if (mapped_ == nullptr) return;
#else
  mapped_ = mmap(nullptr, static_cast<size_t>(mapped_bytes_), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped_ == MAP_FAILED) {
    mapped_ = nullptr;
    return;
  }
#endif
  data_ = reinterpret_cast<char*>(up(reinterpret_cast<int64_t>(mapped_)));
  bytes_ = up(bytes);
#if defined(MADV_HUGEPAGE)
  madvise(data_, static_cast<size_t>(bytes_), MADV_HUGEPAGE);
#endif
  auto* values = reinterpret_cast<double*>(data_);
  std::fill(values, values + bytes_ / 8, 1.0);
}

Memory::Memory(Memory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)),
      mapped_(std::exchange(other.mapped_, nullptr)),
      mapped_bytes_(std::exchange(other.mapped_bytes_, 0)) {}

Memory::~Memory() {
  if (mapped_ == nullptr) return;
#if defined(_WIN32)
  _aligned_free(mapped_);
#else
  munmap(mapped_, static_cast<size_t>(mapped_bytes_));
#endif
}

}  // namespace ridgepoint
