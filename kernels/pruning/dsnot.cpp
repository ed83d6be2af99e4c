#include <algorithm>
#include <limits>
#include <new>

#include "pruning/levels.h"
#include "pruning/row.h"
#include "threads/parallel.h"

namespace ridgepoint::RIDGE_LEVEL {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Settings {
  int32_t max_cycles;
  double threshold;
  bool without_same_sign;
};

// A flag turned over after its row had ended, in a cycle that the layer may never have run.
struct LateChange {
  int64_t row;
  int32_t cycle;
  int32_t column;
};

struct Totals {
  int32_t cycles = 0;
  int64_t steps = 0;
  int64_t rows_above = 0;
  int32_t first_outside = std::numeric_limits<int32_t>::max();
  int32_t first_undefined = std::numeric_limits<int32_t>::max();
  std::vector<LateChange> late;
};

int sign(float value) { return (value > 0) - (value < 0); }

// (e + D_pruned) - D_grown with two single-precision roundings.
float step(float error, float pruned, float grown) {
  const float sum = error + pruned;
  return sum - grown;
}

// test/support/pruning/dsnot/row.ts
class Row {
 public:
  explicit Row(int32_t n)
      : columns(n), sorter(n), weights(nullptr), scores(n), wanda(n), order(n), flags(n), taken(n), contribution(n),
        grow_score(n), grow_order(n), prune_order(n), keep_order(n) {}

  // lost: what the row's output has lost beside its pruned weights.
  void fill(const float* sums, const float* divisor, bool ordered, float lost) {
    double total = lost;
    for (int32_t j = 0; j < columns; j++) {
      const float d = weights[j] * sums[j];
      contribution[j] = d;
      if (flags[j]) total += d;
      const float score = flags[j] ? d : 0.0f;
      grow_score[j] = divisor == nullptr ? score : score / divisor[j];
      grow_order[j] = j;
    }
    error = static_cast<float>(total);
    sorter.sort(grow_score.data(), grow_order.data(), columns);
    kept = 0;
    for (int32_t i = 0; i < columns; i++) {
      const int32_t column = ordered ? order[i] : i;
      if (!flags[column]) keep_order[kept++] = column;
    }
    if (!ordered) sorter.sort(wanda.data(), keep_order.data(), kept);
    int32_t left = 0, right = kept;
    for (int32_t i = 0; i < kept; i++) {
      const int32_t column = keep_order[i];
      if (contribution[column] < 0) prune_order[left++] = column;
      else if (contribution[column] > 0) prune_order[--right] = column;
    }
    for (int32_t i = left; i < right; i++) prune_order[i] = keep_order[0];
    negative = left;
    positive = kept - right;
  }

  int32_t columns;
  StableOrder sorter;
  const float* weights;
  std::vector<float> scores, wanda;
  std::vector<int32_t> order;
  std::vector<uint8_t> flags, taken;
  std::vector<float> contribution, grow_score;
  std::vector<int32_t> grow_order, prune_order, keep_order;
  int32_t kept = 0, negative = 0, positive = 0;
  float error = 0;
};

// test/support/pruning/dsnot/reference.ts
void exchange_reference(Row& state, int64_t row, int32_t group, const Settings& settings, Totals& totals) {
  const int first_sign = sign(state.error);
  const float threshold = static_cast<float>(settings.threshold);
  int32_t grow_left = 0, grow_right = state.columns - 1, prune_left = 0, prune_right = state.kept - 1;
  float error = state.error;
  bool alive = true;
  if (group > 0) {
    for (int32_t j = 0; j < state.columns; j++) if (state.flags[j]) state.scores[j] = kInfinity;
  }
  auto write = [&](int32_t column, bool value, bool was_alive, int32_t cycle) {
    if (state.flags[column] == static_cast<uint8_t>(value)) return;
    state.flags[column] = static_cast<uint8_t>(value);
    if (!was_alive) totals.late.push_back({row, cycle, column});
  };
  for (int32_t cycle = 1; cycle <= settings.max_cycles; cycle++) {
    const int32_t at = error > 0 ? grow_right-- : grow_left++;
    bool outside = at < 0 || at >= state.columns;
    int32_t pruned = -1;
    if (group == 0) {
      const int32_t pruned_at = error < 0 ? prune_right-- : prune_left++;
      if (pruned_at < 0 || pruned_at >= state.kept) outside = true;
      else pruned = state.prune_order[pruned_at];
    }
    if (alive) totals.cycles = std::max(totals.cycles, cycle);
    if (outside) {
      totals.first_outside = std::min(totals.first_outside, cycle);
      break;
    }
    const int32_t grown = state.grow_order[at];
    if (group > 0) {
      const int32_t start = grown - grown % group;
      pruned = start;
      for (int32_t j = start + 1; j < start + group; j++) if (state.scores[j] < state.scores[pruned]) pruned = j;
      if (state.scores[pruned] == kInfinity) {
        pruned = start + std::max(0, group - 2);
        totals.first_undefined = std::min(totals.first_undefined, cycle);
      }
      state.scores[pruned] = kInfinity;
    }
    const float after = step(error, state.contribution[pruned], state.contribution[grown]);
    const bool free_sign = group == 0 && settings.without_same_sign;
    const bool accepted = alive && std::fabs(error) > threshold && (free_sign || sign(after) == first_sign);
    write(pruned, accepted, alive, cycle);
    write(grown, !accepted, alive, cycle);
    alive = accepted;
    if (!alive) continue;
    error = after;
    totals.steps++;
  }
  state.error = error;
}

// test/support/pruning/dsnot/strict.ts
void exchange_strict(Row& state, int32_t group, const Settings& settings, Totals& totals) {
  const int first_sign = sign(state.error);
  int32_t left = 0, right = state.columns - 1, prune_left = 0, prune_right = 0;
  if (group > 0) state.taken = state.flags;
  auto next_grown = [&](bool above) -> int32_t {
    while (above ? right >= 0 : left < state.columns) {
      const int32_t column = state.grow_order[above ? right-- : left++];
      const float d = state.contribution[column];
      if (state.flags[column] && (above ? d > 0 : d < 0)) return column;
    }
    return -1;
  };
  for (int32_t cycle = 1; cycle <= settings.max_cycles; cycle++) {
    if (!(std::fabs(state.error) > settings.threshold)) return;
    const bool above = state.error > 0;
    int32_t grown = next_grown(above), pruned = -1;
    if (group == 0) {
      if (grown < 0 || (above ? prune_left == state.negative : prune_right == state.positive)) return;
      pruned = above ? state.prune_order[prune_left++] : state.prune_order[state.kept - ++prune_right];
    }
    for (; group > 0 && grown >= 0; grown = next_grown(above)) {
      const int32_t start = grown - grown % group;
      for (int32_t j = start; j < start + group; j++) {
        if (!state.taken[j] && (pruned < 0 || state.scores[j] < state.scores[pruned])) pruned = j;
      }
      if (pruned >= 0) break;
    }
    if (grown < 0) return;
    if (group > 0) state.taken[pruned] = 1;
    const float after = step(state.error, state.contribution[pruned], state.contribution[grown]);
    if (!(std::fabs(after) < std::fabs(state.error))) return;
    if (!settings.without_same_sign && sign(after) != first_sign) return;
    state.flags[grown] = 0;
    state.flags[pruned] = 1;
    state.error = after;
    totals.steps++;
    totals.cycles = std::max(totals.cycles, cycle);
  }
}

}  // namespace

int32_t dsnot(const float* weights, int64_t rows, int32_t columns, const float* norms, const float* sums,
              const float* divisor, const char* initial, const float* factors, const double* diagonal, const float* lost,
              int32_t pruned, int32_t group, int32_t max_cycles, double threshold, int32_t strict, int32_t without_same_sign,
              int32_t threads, uint8_t* initial_mask, uint8_t* mask, int64_t* counts) try {
  const Score first = score_named(initial);
  if (first == Score::kUnknown) return RIDGE_UNKNOWN_SCORE;
  const Settings settings{max_cycles, threshold, without_same_sign != 0};
  const size_t used = static_cast<size_t>(std::max(threads, 1));
  std::vector<Row> states(used, Row(columns));
  std::vector<Totals> totals(used);
  // Kept weights are pruned by Wanda's order, which the first selection has found where its factors are Wanda's.
  const bool by_wanda = first == Score::kScaled &&
                        std::memcmp(factors, norms, static_cast<size_t>(columns) * sizeof *norms) == 0;
  parallel(rows, 16, threads, [&](int thread, int64_t begin, int64_t end) {
    Row& state = states[static_cast<size_t>(thread)];
    Totals& own = totals[static_cast<size_t>(thread)];
    for (int64_t row = begin; row < end; row++) {
      state.weights = weights + row * columns;
      score_row(Score::kScaled, state.weights, columns, norms, nullptr, state.wanda.data());
      score_row(first, state.weights, columns, factors, diagonal, state.scores.data());
      if (lost == nullptr) {
        select_row(state.scores.data(), columns, pruned, group, state.sorter, state.order.data(), state.flags.data());
        pack_row(initial_mask, row, columns, state.flags.data());
      } else {
        const uint8_t* bytes = initial_mask + row * row_bytes(columns);
        for (int32_t j = 0; j < columns; j++) state.flags[j] = bytes[j >> 3] >> (j & 7) & 1;
      }
      const bool ordered = by_wanda && group == 0 && lost == nullptr;
      state.fill(sums, divisor, ordered, lost == nullptr ? 0.0f : lost[row]);
      if (state.kept > 0 && state.kept < columns) {
        if (strict) exchange_strict(state, group, settings, own);
        else exchange_reference(state, row, group, settings, own);
      }
      if (std::fabs(state.error) > threshold) own.rows_above++;
      pack_row(mask, row, columns, state.flags.data());
    }
  });
  Totals all;
  for (const Totals& own : totals) {
    all.cycles = std::max(all.cycles, own.cycles);
    all.steps += own.steps;
    all.rows_above += own.rows_above;
    all.first_outside = std::min(all.first_outside, own.first_outside);
    all.first_undefined = std::min(all.first_undefined, own.first_undefined);
  }
  for (const Totals& own : totals) {
    for (const LateChange& change : own.late) {
      if (change.cycle <= all.cycles) continue;
      mask[change.row * row_bytes(columns) + (change.column >> 3)] ^= static_cast<uint8_t>(1 << (change.column & 7));
    }
  }
  counts[0] = all.cycles;
  counts[1] = all.steps;
  counts[2] = all.rows_above;
  counts[3] = all.first_outside <= all.cycles;
  counts[4] = all.first_undefined <= all.cycles;
  return RIDGE_OK;
} catch (const std::exception&) {
  return RIDGE_OUT_OF_MEMORY;
}

}  // namespace ridgepoint::RIDGE_LEVEL
