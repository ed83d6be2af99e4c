#include "roofs/matrix.h"

#include <cmath>
#include <cstdlib>
#include <cstring>

#include "roofs/roofs.h"

namespace ridgepoint {
namespace {

constexpr int64_t kPanels = 6;
// A panel of B, at most 16 KB: half of the smallest first-level cache.
constexpr int64_t kPanelBytes = 16 << 10;
constexpr int64_t kGroupBytes = 4;

int64_t rounded(int64_t bytes) { return (bytes + 63) / 64 * 64; }

// Small numbers that every arithmetic holds exactly: a product of them is exact in bf16's sums, and in int8's it is small.
// They repeat with every kPeriod rows.
constexpr int64_t kPeriod = 5;
double entry(int64_t row, int64_t k, int64_t salt) { return static_cast<double>((row * 7 + k * 3 + salt) % kPeriod + 1); }

void put(char* to, int32_t kind, double value) {
  if (kind == RIDGE_INT8) {
    *to = static_cast<char>(value);
    return;
  }
  const float number = static_cast<float>(value);
  if (kind == RIDGE_F32) {
    std::memcpy(to, &number, 4);
    return;
  }
  uint32_t bits;
  std::memcpy(&bits, &number, 4);
  // bf16 is the upper half of a float.
  const auto upper = static_cast<uint16_t>(bits >> 16);
  std::memcpy(to, &upper, 2);
}

// Where element k of row (or column) `row` lies in a panel.
int64_t place(const Tile& tile, int64_t lines, int64_t together, int64_t row, int64_t k) {
  const int64_t group = k / tile.group;
  const int64_t within = k % tile.group;
  const int64_t block = group / together * lines * together + row * together + group % together;
  return block * kGroupBytes + within * (kGroupBytes / tile.group);
}

}  // namespace

Product::Product(const Tile& tile, int32_t kind) : tile_(tile), kind_(kind) {
  groups_ = kPanelBytes / (tile.columns * kGroupBytes) / 16 * 16;
  if (groups_ > 256) groups_ = 256;
  a_bytes_ = rounded(tile.rows * groups_ * kGroupBytes);
  b_bytes_ = rounded(tile.columns * groups_ * kGroupBytes);
  c_bytes_ = rounded(int64_t{tile.rows} * tile.columns * 4);
  const int64_t all = kPanels * (a_bytes_ + b_bytes_ + kPanels * c_bytes_);
  memory_ = static_cast<char*>(std::aligned_alloc(64, static_cast<size_t>(rounded(all))));
  if (memory_ != nullptr) fill();
}

Product::~Product() { std::free(memory_); }

void Product::fill() {
  const int64_t depth = groups_ * tile_.group;
  for (int64_t panel = 0; panel < kPanels; panel++) {
    char* a = memory_ + panel * a_bytes_;
    char* b = memory_ + kPanels * a_bytes_ + panel * b_bytes_;
    for (int64_t k = 0; k < depth; k++) {
      for (int64_t row = 0; row < tile_.rows; row++) {
        put(a + place(tile_, tile_.rows, tile_.together_a, row, k), kind_, entry(panel * tile_.rows + row, k, 0));
      }
      for (int64_t column = 0; column < tile_.columns; column++) {
        put(b + place(tile_, tile_.columns, tile_.together_b, column, k), kind_,
            entry(panel * tile_.columns + column, k, 2));
      }
    }
  }
}

int64_t Product::run(int64_t times) {
  char* b_panels = memory_ + kPanels * a_bytes_;
  char* c_tiles = b_panels + kPanels * b_bytes_;
  if (tile_.begin != nullptr) tile_.begin();
  for (int64_t time = 0; time < times; time++) {
    for (int64_t q = 0; q < kPanels; q++) {
      for (int64_t p = 0; p < kPanels; p++) {
        tile_.multiply(memory_ + p * a_bytes_, b_panels + q * b_bytes_, groups_, c_tiles + (q * kPanels + p) * c_bytes_);
      }
    }
  }
  if (tile_.end != nullptr) tile_.end();
  return times * kPanels * kPanels * 2 * tile_.rows * tile_.columns * groups_ * tile_.group;
}

bool Product::right() {
  char* c_tiles = memory_ + kPanels * (a_bytes_ + b_bytes_);
  // Not a number and no sum that comes out.
  std::memset(c_tiles, 0xff, static_cast<size_t>(kPanels * kPanels * c_bytes_));
  run(1);
  const int64_t depth = groups_ * tile_.group;
  double sums[kPeriod][kPeriod] = {};
  for (int64_t row = 0; row < kPeriod; row++) {
    for (int64_t column = 0; column < kPeriod; column++) {
      for (int64_t k = 0; k < depth; k++) sums[row][column] += entry(row, k, 0) * entry(column, k, 2);
    }
  }
  for (int64_t q = 0; q < kPanels; q++) {
    for (int64_t p = 0; p < kPanels; p++) {
      const char* c = c_tiles + (q * kPanels + p) * c_bytes_;
      for (int64_t at = 0; at < int64_t{tile_.rows} * tile_.columns; at++) {
        const int64_t row = p * tile_.rows + at / tile_.columns, column = q * tile_.columns + at % tile_.columns;
        const double expected = sums[row % kPeriod][column % kPeriod];
        double found;
        if (kind_ == RIDGE_INT8) {
          int32_t whole;
          std::memcpy(&whole, c + 4 * at, 4);
          found = whole;
        } else {
          float number;
          std::memcpy(&number, c + 4 * at, 4);
          found = static_cast<double>(number);
        }
        // All sums are whole numbers that a float holds.
        if (!(found == expected)) return false;
      }
    }
  }
  return true;
}

}  // namespace ridgepoint
