// test/support/pruning/swaps.ts, which looks at every pair. Here a bound of each pruned weight's pairs, exact in the sense
// that it never hides the best one, leaves few rows of H to be looked at.
#include <algorithm>
#include <cmath>
#include <exception>
#include <limits>
#include <vector>

#include "pruning/levels.h"
#include "pruning/row.h"
#include "threads/parallel.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// A swap has to gain more than this share of a row's sum of w^2 H_jj: less could be rounding, and would not end.
constexpr double kGain = 1e-12;
// More than the rounding of a bound of a handful of terms, as a share of the largest.
constexpr double kSlack = 1e-14;
constexpr int64_t kTile = 64;
constexpr int64_t kLanes = 8;

struct Layer {
  const float* weights;
  const float* values;
  int64_t columns;
  int32_t group;
  // H with both triangles.
  const double* hessian;
  // Of each column: the most that |H_jk| is of sqrt(H_jj H_kk), over all other columns k.
  const double* correlation;

  const double* row(int64_t column) const { return hessian + column * columns; }
};

struct Swap {
  double gain;  // What it changes the row's error by: negative for one that helps.
  int64_t grown;
  int64_t pruned;
};

// Of equal gains the pair whose columns come first.
bool better(const Swap& a, const Swap& b) {
  if (a.gain != b.gain) return a.gain < b.gain;
  return a.grown != b.grown ? a.grown < b.grown : a.pruned < b.pruned;
}

// A pruned weight, and a number that no pair with it is below.
struct Candidate {
  double bound;
  int64_t column;
};

bool later(const Candidate& a, const Candidate& b) {
  return a.bound != b.bound ? a.bound > b.bound : a.column > b.column;
}

class Row {
 public:
  explicit Row(int64_t n)
      : flags(static_cast<size_t>(n)), n_(n), w_(n), d_(n), c_(n), energy_(n), grow_(n), prune_(n), reach_(n), order_(n) {
    hull_.reserve(static_cast<size_t>(n));
    candidates_.reserve(static_cast<size_t>(n));
  }

  // Reads a row under `flags`, 1 = pruned. @returns d H d^T.
  double begin(const Layer& layer, int64_t row) {
    const float* dense = layer.weights + row * n_;
    const float* kept = layer.values + row * n_;
    double total = 0;
    for (int64_t j = 0; j < n_; j++) {
      w_[j] = kept[j];
      d_[j] = flags[j] ? dense[j] : static_cast<double>(dense[j]) - w_[j];
      energy_[j] = w_[j] * w_[j] * layer.row(j)[j];
      total += energy_[j];
    }
    least_ = kGain * total;
    std::fill(c_.begin(), c_.end(), 0.0);
    for (int64_t i = 0; i < n_; i++) {
      if (d_[i] == 0) continue;
      const double* h = layer.row(i);
      for (int64_t j = 0; j < n_; j++) c_[j] += d_[i] * h[j];
    }
    if (layer.group == 0) {
      for (int64_t j = 0; j < n_; j++) {
        reach_[j] = std::sqrt(std::max(energy_[j], 0.0));
        order_[j] = j;
      }
      std::sort(order_.begin(), order_.end(),
                [&](int64_t a, int64_t b) { return reach_[a] != reach_[b] ? reach_[a] < reach_[b] : a < b; });
    }
    return error();
  }

  double error() const {
    double sum = 0;
    for (int64_t j = 0; j < n_; j++) sum += d_[j] * c_[j];
    return sum;
  }

  // Makes the best swap there is. @returns false where none gains enough.
  bool improve(const Layer& layer) {
    for (int64_t j = 0; j < n_; j++) {
      const double slope = 2 * w_[j] * c_[j];
      grow_[j] = flags[j] ? energy_[j] - slope : kInfinity;
      prune_[j] = flags[j] ? kInfinity : energy_[j] + slope;
    }
    Swap best{-least_, -1, -1};
    if (layer.group > 0) best_in_groups(layer, best);
    else best_in_row(layer, best);
    if (best.grown < 0) return false;
    const int64_t u = best.grown, p = best.pruned;
    flags[u] = 0;
    flags[p] = 1;
    d_[u] -= w_[u];
    d_[p] += w_[p];
    const double* grown = layer.row(u);
    const double* pruned = layer.row(p);
    for (int64_t j = 0; j < n_; j++) c_[j] += w_[p] * pruned[j] - w_[u] * grown[j];
    return true;
  }

  std::vector<uint8_t> flags;

 private:
  // With p pruned and u grown the error changes by grow[u] + prune[p] - 2 w_u w_p H_up.
  double gain(const double* h, int64_t u, int64_t p) const {
    return (grow_[u] + prune_[p]) - 2 * w_[u] * (w_[p] * h[p]);
  }

  void best_in_groups(const Layer& layer, Swap& best) const {
    for (int64_t start = 0; start < n_; start += layer.group) {
      for (int64_t u = start; u < start + layer.group; u++) {
        if (!flags[u]) continue;
        const double* h = layer.row(u);
        for (int64_t p = start; p < start + layer.group; p++) {
          if (flags[p]) continue;
          const Swap swap{gain(h, u, p), u, p};
          if (better(swap, best)) best = swap;
        }
      }
    }
  }

  // |2 w_u w_p H_up| is at most 2 correlation_u reach_u reach_p, so that a pair with u changes the error by no less than
  // grow_u + min over p of (prune_p - x reach_p), x = 2 correlation_u reach_u. That minimum is at a corner of the lower
  // hull of the points (reach_p, prune_p).
  void best_in_row(const Layer& layer, Swap& best) {
    fill_hull();
    if (hull_.empty()) return;
    double largest = 0;
    for (const int64_t p : hull_) largest = std::max(largest, std::fabs(prune_[p]));
    const double farthest = reach_[hull_.back()];
    candidates_.clear();
    for (int64_t u = 0; u < n_; u++) {
      if (!flags[u]) continue;
      const double x = 2 * layer.correlation[u] * reach_[u];
      const double slack = kSlack * (std::fabs(grow_[u]) + largest + x * farthest);
      const double bound = grow_[u] + least_of_hull(x) - slack;
      if (bound <= best.gain) candidates_.push_back({bound, u});
    }
    std::make_heap(candidates_.begin(), candidates_.end(), later);
    while (!candidates_.empty() && candidates_.front().bound <= best.gain) {
      look_at(layer, candidates_.front().column, best);
      std::pop_heap(candidates_.begin(), candidates_.end(), later);
      candidates_.pop_back();
    }
  }

  void fill_hull() {
    hull_.clear();
    for (const int64_t p : order_) {
      if (flags[p]) continue;
      while (!hull_.empty() && reach_[hull_.back()] == reach_[p] && prune_[hull_.back()] >= prune_[p]) hull_.pop_back();
      if (!hull_.empty() && reach_[hull_.back()] == reach_[p]) continue;
      while (hull_.size() > 1 && slope(hull_[hull_.size() - 2], hull_.back()) >= slope(hull_.back(), p)) hull_.pop_back();
      hull_.push_back(p);
    }
  }

  double slope(int64_t a, int64_t b) const { return (prune_[b] - prune_[a]) / (reach_[b] - reach_[a]); }

  double least_of_hull(double x) const {
    size_t low = 0, high = hull_.size() - 1;
    while (low < high) {
      const size_t middle = (low + high) / 2;
      if (slope(hull_[middle], hull_[middle + 1]) >= x) high = middle;
      else low = middle + 1;
    }
    return prune_[hull_[low]] - x * reach_[hull_[low]];
  }

  // All pairs with u, in lanes: those of pruned columns are infinite.
  void look_at(const Layer& layer, int64_t u, Swap& best) const {
    const double* h = layer.row(u);
    double lanes[kLanes];
    std::fill(lanes, lanes + kLanes, kInfinity);
    const double twice = 2 * w_[u], grown = grow_[u];
    const int64_t whole = n_ - n_ % kLanes;
    for (int64_t start = 0; start < whole; start += kLanes) {
      for (int64_t lane = 0; lane < kLanes; lane++) {
        const int64_t p = start + lane;
        const double value = (grown + prune_[p]) - twice * (w_[p] * h[p]);
        lanes[lane] = value < lanes[lane] ? value : lanes[lane];
      }
    }
    double least = *std::min_element(lanes, lanes + kLanes);
    for (int64_t p = whole; p < n_; p++) least = std::min(least, gain(h, u, p));
    if (!(least <= best.gain)) return;
    for (int64_t p = 0; p < n_; p++) {
      if (flags[p] || gain(h, u, p) != least) continue;
      const Swap swap{least, u, p};
      if (better(swap, best)) best = swap;
      return;
    }
  }

  int64_t n_;
  // w: what a weight is worth where it is kept. d: what is lost. c = H d. energy: w^2 H_jj, reach: its root.
  std::vector<double> w_, d_, c_, energy_, grow_, prune_, reach_;
  // All columns by reach; of the kept ones, the corners of the hull.
  std::vector<int64_t> order_, hull_;
  std::vector<Candidate> candidates_;
  double least_ = 0;
};

// Both triangles of H, of which the upper one is given.
void mirror(const double* hessian, int64_t n, int threads, double* both) {
  parallel((n + kTile - 1) / kTile, 1, threads, [&](int, int64_t begin, int64_t end) {
    for (int64_t i0 = begin * kTile; i0 < std::min(end * kTile, n); i0 += kTile) {
      for (int64_t j0 = 0; j0 < n; j0 += kTile) {
        for (int64_t i = i0; i < std::min(i0 + kTile, n); i++) {
          for (int64_t j = j0; j < std::min(j0 + kTile, n); j++) {
            both[i * n + j] = hessian[j < i ? j * n + i : i * n + j];
          }
        }
      }
    }
  });
}

void correlate(const double* hessian, int64_t n, int threads, double* correlation) {
  parallel(n, 16, threads, [&](int, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      double most = 0;
      for (int64_t j = 0; j < n; j++) {
        const double scale = hessian[i * n + i] * hessian[j * n + j];
        if (j != i && scale > 0) most = std::max(most, std::fabs(hessian[i * n + j]) / std::sqrt(scale));
      }
      // No correlation is above 1; rounding must not make one smaller than it is.
      correlation[i] = std::min(1.0, most) * (1 + kSlack);
    }
  });
}

}  // namespace

int32_t swaps(const float* weights, const float* values, int64_t rows, int32_t columns, const double* hessian,
              int32_t group, int32_t max_swaps, int32_t threads, uint8_t* mask, int32_t* made, double* before,
              double* after) try {
  const int64_t n = columns;
  std::vector<double> both(static_cast<size_t>(n * n)), correlation(static_cast<size_t>(n));
  mirror(hessian, n, threads, both.data());
  if (group == 0) correlate(both.data(), n, threads, correlation.data());
  const Layer layer{weights, values, n, group, both.data(), correlation.data()};
  // Not copied: a copy has not what is reserved, and a thread must not fail for memory.
  std::vector<Row> states;
  states.reserve(static_cast<size_t>(std::max(threads, 1)));
  for (int thread = 0; thread < std::max(threads, 1); thread++) states.emplace_back(n);
  parallel(rows, 1, threads, [&](int thread, int64_t begin, int64_t end) {
    Row& state = states[static_cast<size_t>(thread)];
    for (int64_t row = begin; row < end; row++) {
      const uint8_t* bytes = mask + row * row_bytes(columns);
      for (int64_t j = 0; j < n; j++) state.flags[static_cast<size_t>(j)] = bytes[j >> 3] >> (j & 7) & 1;
      before[row] = state.begin(layer, row);
      made[row] = 0;
      while (made[row] < max_swaps && state.improve(layer)) made[row]++;
      after[row] = made[row] > 0 ? state.error() : before[row];
      pack_row(mask, row, columns, state.flags.data());
    }
  });
  return RIDGE_OK;
} catch (const std::exception&) {
  return RIDGE_OUT_OF_MEMORY;
}

}  // namespace ridgepoint::RIDGE_LEVEL
