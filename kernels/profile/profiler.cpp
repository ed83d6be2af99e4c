#include <chrono>
#include <cstring>
#include <new>
#include <unordered_map>
#include <vector>

#include "profile/profile.h"

namespace {

int64_t now() {
  // CLOCK_MONOTONIC on Linux.
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

template <typename T>
T at(const void* base, int32_t offset) {
  T value;
  std::memcpy(&value, static_cast<const char*>(base) + offset, sizeof(T));
  return value;
}

struct SameBytes {
  bool operator()(const ridge_node& a, const ridge_node& b) const { return std::memcmp(&a, &b, sizeof a) == 0; }
};

// FNV-1a over the words of a node.
struct HashBytes {
  size_t operator()(const ridge_node& node) const {
    uint64_t hash = 14695981039346656037ull;
    const char* bytes = reinterpret_cast<const char*>(&node);
    for (size_t i = 0; i + 8 <= sizeof node; i += 8) hash = (hash ^ at<uint64_t>(bytes + i, 0)) * 1099511628211ull;
    return static_cast<size_t>(hash ^ (hash >> 32));
  }
};

class Profiler {
 public:
  Profiler(const ridge_node_layout& layout, const int32_t* skipped, int32_t count)
      : layout_(layout), skipped_(skipped, skipped + count) {}

  void watch(bool on) { watching_ = on; }

  bool ask(const void* tensor) {
    if (!watching_) return false;
    const int32_t op = at<int32_t>(tensor, layout_.op);
    for (const int32_t other : skipped_)
      if (op == other) return false;
    begin_ = now();
    return true;
  }

  void done(const void* tensor) {
    const int64_t end = now();
    try {
      runs_.push_back({begin_, end, place(tensor)});
    } catch (const std::bad_alloc&) {
      lost_++;
    }
  }

  void read(ridge_profile* profile) const {
    *profile = {nodes_.data(), static_cast<int64_t>(nodes_.size()), runs_.data(), static_cast<int64_t>(runs_.size()),
                lost_};
  }

  void forget() {
    runs_.clear();
    lost_ = 0;
  }

 private:
  // Graphs repeat: the node is usually the one that followed the last one before.
  int64_t place(const void* tensor) {
    const ridge_node node = describe(tensor);
    const size_t guess = static_cast<size_t>(last_) + 1;
    if (guess < nodes_.size() && SameBytes()(nodes_[guess], node)) return last_ = static_cast<int64_t>(guess);
    const auto found = places_.find(node);
    if (found != places_.end()) return last_ = found->second;
    nodes_.push_back(node);
    last_ = static_cast<int64_t>(nodes_.size()) - 1;
    places_.emplace(node, last_);
    return last_;
  }

  ridge_node describe(const void* tensor) const {
    ridge_node node;
    // Padding counts in the comparison.
    std::memset(&node, 0, sizeof node);
    node.op = at<int32_t>(tensor, layout_.op);
    node.type = at<int32_t>(tensor, layout_.type);
    std::memcpy(node.ne, static_cast<const char*>(tensor) + layout_.ne, sizeof node.ne);
    copy_name(tensor, node.name);
    for (int i = 0; i < RIDGE_PROFILE_SOURCES; i++) {
      const auto source = at<const void*>(tensor, layout_.src + 8 * i);
      node.source_type[i] = -1;
      if (source == nullptr) continue;
      node.source_type[i] = at<int32_t>(source, layout_.type);
      std::memcpy(node.source_ne[i], static_cast<const char*>(source) + layout_.ne, sizeof node.source_ne[i]);
      copy_name(source, node.source_name[i]);
    }
    return node;
  }

  void copy_name(const void* tensor, char* into) const {
    const char* name = static_cast<const char*>(tensor) + layout_.name;
    for (int i = 0; i + 1 < RIDGE_PROFILE_NAME && name[i] != 0; i++) into[i] = name[i];
  }

  const ridge_node_layout layout_;
  const std::vector<int32_t> skipped_;
  bool watching_ = false;
  int64_t begin_ = 0;
  int64_t last_ = -1;
  int64_t lost_ = 0;
  std::vector<ridge_node> nodes_;
  std::vector<ridge_node_run> runs_;
  std::unordered_map<ridge_node, int64_t, HashBytes, SameBytes> places_;
};

Profiler* of(void* profiler) { return static_cast<Profiler*>(profiler); }

}  // namespace

void* ridge_profiler_open(const ridge_node_layout* layout, const int32_t* skipped, int32_t count) try {
  return new Profiler(*layout, skipped, count);
} catch (const std::bad_alloc&) {
  return nullptr;
}

void ridge_profiler_close(void* profiler) { delete of(profiler); }

void ridge_profiler_watch(void* profiler, int32_t on) { of(profiler)->watch(on != 0); }

bool ridge_profiler_evaluate(void* tensor, bool ask, void* profiler) {
  if (ask) return of(profiler)->ask(tensor);
  of(profiler)->done(tensor);
  return true;
}

void ridge_profiler_read(void* profiler, ridge_profile* profile) { of(profiler)->read(profile); }

void ridge_profiler_forget(void* profiler) { of(profiler)->forget(); }
