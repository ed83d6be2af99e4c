#include "ops/check.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>

#include "ops/random.h"

namespace ridgepoint::ops {
namespace {

// What the reference may compute, in scalar double precision: a second or so.
constexpr double kReferenceFlops = 1e9;

std::vector<int64_t> sample(int64_t units, double flops, uint64_t seed) {
  const double share = flops > kReferenceFlops ? kReferenceFlops / flops : 1;
  const auto wanted = std::max<int64_t>(static_cast<int64_t>(share * static_cast<double>(units)), 4);
  std::vector<int64_t> chosen;
  if (wanted >= units) {
    for (int64_t unit = 0; unit < units; unit++) chosen.push_back(unit);
    return chosen;
  }
  Random random(seed ^ 0x5eed);
  chosen = {0, units - 1};
  while (static_cast<int64_t>(chosen.size()) < wanted) chosen.push_back(random.below(units));
  return chosen;
}

struct Worst {
  double error = 0;
  std::string fault;
};

Worst compare(const Problem& problem, const float* output, const std::vector<int64_t>& units, double tolerance,
              Pool& pool) {
  Worst worst;
  std::mutex mutex;
  const auto length = static_cast<size_t>(problem.unit_length());
  pool.split(static_cast<int64_t>(units.size()), 1 + static_cast<int64_t>(units.size()) / 64, [&](int, int64_t begin, int64_t end) {
    std::vector<double> expected(length);
    std::vector<double> magnitude(length);
    Worst own;
    for (int64_t i = begin; i < end; i++) {
      const int64_t unit = units[static_cast<size_t>(i)];
      problem.reference(unit, expected.data(), magnitude.data());
      for (size_t e = 0; e < length; e++) {
        const double got = output[problem.place(unit, static_cast<int64_t>(e))];
        // The least normal float, so that a sum of nothing may only be nothing.
        const double allowed = tolerance * magnitude[e] + 1e-30;
        const double error = std::isnan(got) ? std::numeric_limits<double>::infinity() : std::fabs(got - expected[e]) / allowed;
        if (error <= own.error) continue;
        own.error = error;
        if (error > 1) {
          own.fault = "unit " + std::to_string(unit) + ", number " + std::to_string(e) + " is " + std::to_string(got) +
                      " and should be " + std::to_string(expected[e]);
        }
      }
    }
    const std::lock_guard<std::mutex> lock(mutex);
    if (own.error > worst.error) worst = own;
  });
  return worst;
}

}  // namespace

Verdict check(double tolerance, double flops, const Problem& problem, Kernel& kernel, Arena& arena, Pool& pool,
              uint64_t seed) {
  const int64_t length = problem.unit_length();
  const std::vector<int64_t> units = sample(problem.units(), flops, seed);
  Verdict verdict{true, 0, "", static_cast<int64_t>(units.size()) * length, problem.units() * length, tolerance};
  // Twice: a kernel that leaves something behind is right only once.
  for (int round = 0; round < 2 && verdict.ok; round++) {
    arena.poison();
    kernel.run(pool);
    const float* output = kernel.output();
    verdict.fault = arena.damage();
    for (int64_t i = 0; i < verdict.of && verdict.fault.empty(); i++) {
      if (std::isnan(output[i])) verdict.fault = "number " + std::to_string(i) + " of the output is not a number, or was not written";
    }
    const Worst worst = compare(problem, output, units, verdict.tolerance, pool);
    verdict.error = std::max(verdict.error, worst.error);
    if (verdict.fault.empty()) verdict.fault = worst.fault;
    verdict.ok = verdict.fault.empty() && verdict.error <= 1;
  }
  return verdict;
}

}  // namespace ridgepoint::ops
