// Matrix products from packed panels. What differs between instructions is a tile of the result and how panels are packed.
#pragma once

#include <stdint.h>

namespace ridgepoint {

// How a tile of C is made: `rows` x `columns` of 4 bytes each, float or int32, row-major without gaps.
//
// `group` neighbours of the inner dimension share 4 bytes: one float, two bf16, four int8. A panel of A is
// [groups / together_a][rows][together_a] of such, one of B [groups / together_b][columns][together_b].
struct Tile {
  int32_t rows;
  int32_t columns;
  int32_t group;
  int32_t together_a;
  int32_t together_b;
  // c = A B over `groups` groups, a multiple of 16.
  void (*multiply)(const void* a, const void* b, int64_t groups, void* c);
  // Before the first and after the last of a thread's tiles; may be null.
  void (*begin)();
  void (*end)();
};

// A product of one thread: kPanels panels of A with kPanels of B. All of it stays in a second-level cache of 256 KB.
class Product {
 public:
  // kind: RIDGE_F32, RIDGE_BF16 or RIDGE_INT8 of roofs.h.
  Product(const Tile& tile, int32_t kind);
  ~Product();
  Product(const Product&) = delete;
  Product& operator=(const Product&) = delete;

  bool usable() const { return memory_ != nullptr; }
  // Computes it once, and whether it is what it should be.
  bool right();
  // Computes it `times` times; returns the operations, a multiply and an add as two.
  int64_t run(int64_t times);

 private:
  void fill();

  const Tile tile_;
  const int32_t kind_;
  int64_t groups_ = 0, a_bytes_ = 0, b_bytes_ = 0, c_bytes_ = 0;
  char* memory_ = nullptr;
};

}  // namespace ridgepoint
