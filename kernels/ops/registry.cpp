#include <algorithm>
#include <cstring>

#include "ops/op.h"

namespace ridgepoint::ops {
namespace {

// Made by the first that enters: the order in which files are initialized is nobody's.
std::vector<Op (*)()>& entered() {
  static std::vector<Op (*)()> all;
  return all;
}

}  // namespace

Registered::Registered(Op (*make)()) { entered().push_back(make); }

const std::vector<Op>& registry() {
  static const std::vector<Op> ops = [] {
    std::vector<Op> made;
    for (const auto make : entered()) made.push_back(make());
    std::sort(made.begin(), made.end(), [](const Op& a, const Op& b) {
      return a.family != b.family ? a.family < b.family : std::strcmp(a.name, b.name) < 0;
    });
    return made;
  }();
  return ops;
}

}  // namespace ridgepoint::ops
