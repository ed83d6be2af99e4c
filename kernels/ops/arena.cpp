#include "ops/arena.h"

#include <cstdlib>
#include <cstring>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace ridgepoint::ops {
namespace {

constexpr size_t kPage = size_t{2} << 20;
// Before a piece; behind it the same and what fills the page.
constexpr size_t kGuard = 4096;
// A NaN in f32, f16 and bf16, and not the value of any weight in integers.
constexpr unsigned char kPoison = 0xff;

size_t padded(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

// FNV-1a over 64-bit words, enough to see a stray write.
uint64_t digest_of(const unsigned char* data, size_t bytes) {
  uint64_t digest = 14695981039346656037ull;
  const size_t words = bytes / 8;
  for (size_t i = 0; i < words; i++) {
    uint64_t word;
    std::memcpy(&word, data + 8 * i, 8);
    digest = (digest ^ word) * 1099511628211ull;
  }
  for (size_t i = 8 * words; i < bytes; i++) digest = (digest ^ data[i]) * 1099511628211ull;
  return digest;
}

bool is_poison(const unsigned char* from, const unsigned char* to) {
  for (; from < to; from++) {
    if (*from != kPoison) return false;
  }
  return true;
}

}  // namespace

void* Arena::take(const char* name, size_t bytes, Use use) {
  const size_t all = kGuard + padded(bytes, 64) + kGuard;
  const size_t alignment = all >= kPage ? kPage : 4096;
  const size_t size = padded(all, alignment);
  auto* memory = static_cast<unsigned char*>(std::aligned_alloc(alignment, size));
  if (memory == nullptr) throw std::bad_alloc();
  std::unique_ptr<unsigned char, void (*)(void*)> owned(memory, std::free);
#if defined(__linux__)
  if (alignment == kPage) madvise(memory, size, MADV_HUGEPAGE);
#endif
  unsigned char* data = memory + kGuard;
  std::memset(memory, kPoison, kGuard);
  std::memset(data, 0, bytes);
  std::memset(data + bytes, kPoison, kGuard);
  pieces_.push_back({name, std::move(owned), data, bytes, use, 0});
  return data;
}

void Arena::poison() {
  for (auto& piece : pieces_) {
    if (piece.use == Use::input) {
      piece.digest = digest_of(piece.data, piece.bytes);
    } else {
      std::memset(piece.data, kPoison, piece.bytes);
    }
  }
}

std::string Arena::damage() const {
  for (const auto& piece : pieces_) {
    const unsigned char* end = piece.data + piece.bytes;
    if (!is_poison(piece.data - kGuard, piece.data)) return "it wrote before the beginning of " + piece.name;
    if (!is_poison(end, end + kGuard)) return "it wrote behind the end of " + piece.name;
    if (piece.use == Use::input && piece.digest != digest_of(piece.data, piece.bytes)) {
      return "it changed its input " + piece.name;
    }
  }
  return "";
}

size_t Arena::bytes() const {
  size_t sum = 0;
  for (const auto& piece : pieces_) sum += piece.bytes;
  return sum;
}

}  // namespace ridgepoint::ops
