// What one thread needs to score a row, to order it and to choose what is pruned.
#pragma once

#include <cstdint>
#include <cstring>
#include <cmath>
#include <vector>

namespace ridgepoint::RIDGE_LEVEL {

// A float's bits as an unsigned integer of the same order; -0 equals 0, NaN comes last.
inline uint32_t sort_key(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return 0xffffffffu;
  if (magnitude == 0) return 0x80000000u;
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

// Stable ascending order of floats by radix sort.
class StableOrder {
 public:
  explicit StableOrder(int32_t capacity)
      : bits_(capacity < 2048 ? 8 : 11), passes_((32 + bits_ - 1) / bits_), counts_(passes_ << bits_),
        pairs_(capacity), other_(capacity) {}

  // Sorts `order`, `count` positions in `values`, in place.
  void sort(const float* values, int32_t* order, int32_t count) {
    if (count == 0) return;
    const uint32_t digit = (1u << bits_) - 1;
    std::fill(counts_.begin(), counts_.end(), 0u);
    for (int32_t i = 0; i < count; i++) {
      const uint32_t key = sort_key(values[order[i]]);
      pairs_[i] = static_cast<uint64_t>(key) << 32 | static_cast<uint32_t>(order[i]);
      for (int pass = 0; pass < passes_; pass++) counts_[(pass << bits_) + (key >> (pass * bits_) & digit)]++;
    }
    uint64_t* from = pairs_.data();
    uint64_t* to = other_.data();
    for (int pass = 0; pass < passes_; pass++) {
      uint32_t* counts = counts_.data() + (static_cast<size_t>(pass) << bits_);
      const int shift = 32 + pass * bits_;
      if (counts[from[0] >> shift & digit] == static_cast<uint32_t>(count)) continue;
      uint32_t start = 0;
      for (uint32_t b = 0; b <= digit; b++) {
        const uint32_t size = counts[b];
        counts[b] = start;
        start += size;
      }
      for (int32_t i = 0; i < count; i++) to[counts[from[i] >> shift & digit]++] = from[i];
      std::swap(from, to);
    }
    for (int32_t i = 0; i < count; i++) order[i] = static_cast<int32_t>(from[i] & 0xffffffffu);
  }

 private:
  int bits_;
  int passes_;
  std::vector<uint32_t> counts_;
  std::vector<uint64_t> pairs_;
  std::vector<uint64_t> other_;
};

// The kinds of `Score` in core/techniques/pruning/scores.ts.
enum class Score { kUnknown, kMagnitude, kScaled, kSparseGpt };

inline Score score_named(const char* name) {
  if (std::strcmp(name, "magnitude") == 0) return Score::kMagnitude;
  if (std::strcmp(name, "scaled") == 0) return Score::kScaled;
  if (std::strcmp(name, "sparsegpt") == 0) return Score::kSparseGpt;
  return Score::kUnknown;
}

inline void score_row(Score kind, const float* weights, int32_t columns, const float* factors, const double* diagonal,
                      float* scores) {
  switch (kind) {
    case Score::kMagnitude:
      for (int32_t j = 0; j < columns; j++) scores[j] = std::fabs(weights[j]);
      return;
    case Score::kScaled:
      for (int32_t j = 0; j < columns; j++) scores[j] = std::fabs(weights[j]) * factors[j];
      return;
    case Score::kSparseGpt:
      for (int32_t j = 0; j < columns; j++) {
        const double scaled = weights[j] / diagonal[j];
        scores[j] = static_cast<float>(scaled * scaled);
      }
      return;
    case Score::kUnknown:
      return;  // The door has refused it.
  }
}

// Flags the `pruned` smallest of `group` scores from `start` on; of equal scores the first columns.
template <typename T>
void mark_smallest(const T* scores, int32_t start, int32_t group, int32_t pruned, uint8_t* flags) {
  for (int32_t n = 0; n < pruned; n++) {
    int32_t least = -1;
    for (int32_t j = start; j < start + group; j++) {
      if (flags[j] == 0 && (least < 0 || scores[j] < scores[least])) least = j;
    }
    flags[least] = 1;
  }
}

// Sets flags to 1 for the pruned columns; `order` gets all columns by score where group is 0.
inline void select_row(const float* scores, int32_t columns, int32_t pruned, int32_t group, StableOrder& sorter,
                       int32_t* order, uint8_t* flags) {
  std::fill(flags, flags + columns, uint8_t{0});
  if (group == 0) {
    for (int32_t j = 0; j < columns; j++) order[j] = j;
    sorter.sort(scores, order, columns);
    for (int32_t i = 0; i < pruned; i++) flags[order[i]] = 1;
    return;
  }
  for (int32_t start = 0; start < columns; start += group) mark_smallest(scores, start, group, pruned, flags);
}

inline int64_t row_bytes(int32_t columns) { return (static_cast<int64_t>(columns) + 7) / 8; }

inline void pack_row(uint8_t* mask, int64_t row, int32_t columns, const uint8_t* flags) {
  uint8_t* bytes = mask + row * row_bytes(columns);
  std::fill(bytes, bytes + row_bytes(columns), uint8_t{0});
  for (int32_t c = 0; c < columns; c++) bytes[c >> 3] |= static_cast<uint8_t>(flags[c] << (c & 7));
}

}  // namespace ridgepoint::RIDGE_LEVEL
