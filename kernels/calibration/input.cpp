// test/support/pruning/statistics.ts and hessian.ts: channels are shared out to threads and each takes its tokens in
// order, so the sums do not depend on the number of threads.
#include "calibration/input.h"

#include <algorithm>

#include "calibration/channels.h"
#include "pruning/pruning.h"
#include "threads/parallel.h"

namespace ridgepoint {

namespace {

// The sums of so many channels stay in the first-level cache while all tokens pass.
constexpr int64_t kChannels = 256;
// Starting a thread takes as long as the sums of about so many values.
constexpr int64_t kValuesPerThread = 1 << 16;

}  // namespace

Input::Input(int64_t count, bool hessian)
    : columns(count),
      squares(static_cast<size_t>(count)),
      sums(static_cast<size_t>(count)),
      spread(static_cast<size_t>(count)),
      products(hessian ? static_cast<size_t>(count * count) : 0),
      mean_(static_cast<size_t>(count)),
      deviations_(static_cast<size_t>(count)) {}

void Input::add(const float* rows, int64_t count, int64_t stride, int threads) {
  const Channels all{squares.data(), sums.data(), mean_.data(), deviations_.data(), in_sequence_};
  const auto add_range = RIDGE_BEST(add_channels);
  const int worth = static_cast<int>(std::min<int64_t>(threads, 1 + count * columns / kValuesPerThread));
  parallel(columns, kChannels, worth, [&](int, int64_t begin, int64_t end) {
    add_range(all, Range{begin, end}, rows, count, stride);
  });
  in_sequence_ += count;
  if (products.empty()) return;
  if (stride != columns) {
    packed_.resize(static_cast<size_t>(count * columns));
    for (int64_t t = 0; t < count; t++) std::copy_n(rows + t * stride, columns, packed_.data() + t * columns);
    rows = packed_.data();
  }
  ridge_add_products(products.data(), rows, count, static_cast<int32_t>(columns), threads);
}

void Input::end_sequence() {
  if (in_sequence_ == 0) return;
  for (size_t j = 0; j < spread.size(); j++) spread[j] += deviations_[j];
  std::fill(mean_.begin(), mean_.end(), 0.0);
  std::fill(deviations_.begin(), deviations_.end(), 0.0);
  tokens += in_sequence_;
  in_sequence_ = 0;
  sequences++;
}

void Input::finish() {
  if (finished_) return;
  finished_ = true;
  const double scale = sequences == 0 ? 0 : 2.0 / static_cast<double>(sequences);
  for (double& product : products) product *= scale;
}

}  // namespace ridgepoint
