// The kernels by name, with a way to call each from an argument block as cuLaunchKernel gets it.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace emulated {

struct Entry {
  const char* name;
  std::vector<size_t> parameter_bytes;
  std::vector<size_t> parameter_alignments;
  void (*call)(const Entry& entry, void** parameters);
  void (*kernel)();
};

inline std::vector<Entry>& entries() {
  static std::vector<Entry> all;
  return all;
}

template <class... A>
struct Caller {
  template <size_t... I>
  static void spread(void (*kernel)(A...), void** parameters, std::index_sequence<I...>) {
    kernel(*static_cast<A*>(parameters[I])...);
  }
  static void call(const Entry& entry, void** parameters) {
    spread(reinterpret_cast<void (*)(A...)>(entry.kernel), parameters, std::index_sequence_for<A...>());
  }
};

template <class... A>
bool enter(const char* name, void (*kernel)(A...)) {
  entries().push_back({name, {sizeof(A)...}, {alignof(A)...}, Caller<A...>::call, reinterpret_cast<void (*)()>(kernel)});
  return true;
}

}  // namespace emulated

// Behind each kernel: what a GPU's compiler knows by itself.
#define ENTRY(name) [[maybe_unused]] static const bool entered_##name = emulated::enter(#name, name);
