#pragma once

#include <cstddef>

namespace ridgepoint::ops {

// Bytes of the largest cache that the system tells of; 32 MiB where it does not.
size_t last_cache_bytes();

}  // namespace ridgepoint::ops
