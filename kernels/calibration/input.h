// Sums over the tokens that went into one linear layer or one expert, or into several that read the same (q, k and v).
#pragma once

#include <cstdint>
#include <vector>

namespace ridgepoint {

class Input {
 public:
  Input(int64_t columns, bool hessian);

  // rows: `tokens` rows of `columns` values, `stride` values apart.
  void add(const float* rows, int64_t tokens, int64_t stride, int threads);
  void end_sequence();
  // Scales the sums of products to H. Nothing may be added afterwards.
  void finish();

  const int64_t columns;
  int64_t tokens = 0;
  int64_t sequences = 0;
  std::vector<double> squares, sums, spread, products;

 private:
  int64_t in_sequence_ = 0;
  bool finished_ = false;
  std::vector<double> mean_, deviations_;
  std::vector<float> packed_;
};

}  // namespace ridgepoint
