// How the kept weights of a tile are spread over its places on processors that have no instruction for it: bytes are shuffled
// by tables, eight places at a time. AVX2's and NEON's shuffles of 16 bytes both give 0 where an index is 128 or more.
#pragma once

#include <cstdint>

namespace ridgepoint::ops {

struct Spread {
  // For eight places that a byte of a mask says: which of the kept is at each place, in order, or 128 where none is.
  uint64_t bytes[256];
  // The same for places of 16 bits: two indexes of bytes each.
  uint8_t halves[256][16];
  // For four places of 32 bits.
  uint8_t words[16][16];
};

extern const Spread kSpread;

}  // namespace ridgepoint::ops
