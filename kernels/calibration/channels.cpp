#include "calibration/channels.h"

namespace ridgepoint::RIDGE_LEVEL {

void add_channels(const Channels& all, Range range, const float* rows, int64_t count, int64_t stride) {
  double* __restrict squares = all.squares;
  double* __restrict sums = all.sums;
  double* __restrict means = all.means;
  double* __restrict deviations = all.deviations;
  for (int64_t t = 0; t < count; t++) {
    const float* __restrict row = rows + t * stride;
    const double n = static_cast<double>(all.tokens + t + 1);
    for (int64_t j = range.begin; j < range.end; j++) {
      const double x = row[j];
      squares[j] += x * x;
      sums[j] += x;
      // Welford (Technometrics 4(3), 1962), as the reference.
      const double delta = x - means[j];
      const double mean = means[j] + delta / n;
      means[j] = mean;
      deviations[j] += delta * (x - mean);
    }
  }
}

}  // namespace ridgepoint::RIDGE_LEVEL
