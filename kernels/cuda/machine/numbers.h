// Element types as bits, so that host and device compilers lay them out alike.
#pragma once

#include <stdint.h>

struct f16 {
  uint16_t bits;
};
struct bf16 {
  uint16_t bits;
};

// Sixteen bytes at once: the widest load of a thread.
struct alignas(16) Vector128 {
  uint32_t words[4];
};
