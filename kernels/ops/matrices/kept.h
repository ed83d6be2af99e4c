// Which places of a tile keep a weight, and where the kept weights of each group of places begin. Include it as lanes16.h.
#pragma once

#include "ops/matrices/spread.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

// The 64 places of a tile, in eight groups.
class Kept {
 public:
  explicit Kept(uint64_t mask) : mask_(mask) {
    // Bits of each byte, then, by a product, of all bytes up to it.
    uint64_t bits = mask - (mask >> 1 & 0x5555555555555555u);
    bits = (bits & 0x3333333333333333u) + (bits >> 2 & 0x3333333333333333u);
    until_ = ((bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0fu) * 0x0101010101010101u;
  }
  // A bit for each place of a group.
  unsigned places(int group) const { return mask_ >> (8 * group) & 255; }
  // How many are kept in the groups before this one.
  int64_t before(int group) const { return group == 0 ? 0 : static_cast<int64_t>(until_ >> (8 * group - 8) & 255); }
  int64_t count() const { return static_cast<int64_t>(until_ >> 56); }

 private:
  uint64_t mask_;
  uint64_t until_;
};

}  // namespace
}  // namespace ridgepoint::RIDGE_LEVEL
