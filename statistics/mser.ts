/**
 * How many leading values to leave out so that the mean of the rest has the smallest standard error: Marginal
 * Standard Error Rule (White, Simulation 69(6), 1997): the d that minimizes Σ_{i ≥ d} (y_i − ȳ_d)² / (n −
 * d)². It considers only the precision of the mean, not its value. At most half may be left out, because a
 * minimum beyond that results from having few values and not from a steady state (White, Cobb & Spratt, WSC
 * 2000).
 * @returns 0 for fewer than two values.
 */
export function mser(values: readonly number[]): number {
  const n = values.length;
  // From the end, so that each suffix adds one value (Welford).
  let [mean, squares, count, best, cut] = [0, 0, 0, Infinity, 0];
  for (let d = n - 1; d >= 0; d--) {
    count += 1;
    const delta = values[d]! - mean;
    mean += delta / count;
    squares += delta * (values[d]! - mean);
    const error = squares / (count * count);
    // Of equals the longer rest.
    if (d <= n / 2 && error <= best) [best, cut] = [error, d];
  }
  return cut;
}
