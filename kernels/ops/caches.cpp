#include "ops/caches.h"

#include <fstream>
#include <string>

#if defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace ridgepoint::ops {

size_t last_cache_bytes() {
#if defined(__APPLE__)
  uint64_t bytes = 0;
  size_t size = sizeof bytes;
  if (sysctlbyname("hw.perflevel0.l2cachesize", &bytes, &size, nullptr, 0) == 0 && bytes > 0) return bytes;
#endif
  // Not sysconf: the C library computes the third level of some processors as if one core had all of it.
  size_t largest = 0;
  for (int index = 0; index < 8; index++) {
    std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/size");
    size_t kilobytes = 0;
    if (file >> kilobytes && kilobytes << 10 > largest) largest = kilobytes << 10;
  }
  return largest > 0 ? largest : size_t{32} << 20;
}

}  // namespace ridgepoint::ops
