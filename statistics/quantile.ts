/** @returns a sorted copy, smallest first. */
export function sorted(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

/**
 * Quantile of numbers that are already sorted, by linear interpolation between order statistics: type 7 of
 * Hyndman & Fan, "Sample Quantiles in Statistical Packages", The American Statistician 50(4), 1996; what R,
 * NumPy and therefore most published latency percentiles use.
 * @param p between 0 and 1.
 * @returns NaN for an empty list.
 */
export function quantileOfSorted(ordered: ArrayLike<number>, p: number): number {
  if (ordered.length === 0) return Number.NaN;
  const position = (ordered.length - 1) * Math.min(1, Math.max(0, p));
  const below = Math.floor(position);
  const low = ordered[below]!;
  const high = ordered[Math.min(below + 1, ordered.length - 1)]!;
  // The clamp keeps rounding from leaving the bracket, so that a quantile never exceeds the maximum.
  return Math.min(high, low + (position - below) * (high - low));
}

/** Type-7 quantile of unsorted numbers; see quantileOfSorted. */
export function quantile(values: readonly number[], p: number): number {
  return quantileOfSorted(sorted(values), p);
}

/** @returns the middle value, or NaN for an empty list. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}
