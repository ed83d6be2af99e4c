/**
 * Quantiles (type 7, as quantileOfSorted) of very many values, without the cost of sorting them. Each is
 * selected (Hoare, "Algorithm 65: Find", CACM 4(7), 1961), in linear time on average.
 * @param values are reordered
 * @param shares ascending, between 0 and 1
 * @returns NaN for no values.
 */
export function selectQuantiles(values: Float64Array, shares: readonly number[]): number[] {
  const n = values.length;
  let from = 0;
  return shares.map((share) => {
    if (n === 0) return Number.NaN;
    const position = (n - 1) * share;
    const k = Math.floor(position);
    select(values, from, n - 1, k);
    from = k;
    const low = values[k]!;
    let high = Infinity;
    for (let i = k + 1; i < n; i++) if (values[i]! < high) high = values[i]!;
    return k === position ? low : Math.min(high, low + (position - k) * (high - low));
  });
}

/**
 * Partially sorts the values between two ends, so that index k has the value that sorting would put there,
 * with no larger one before it and no smaller one after it.
 */
function select(values: Float64Array, first: number, last: number, k: number): void {
  let [left, right] = [first, last];
  while (left < right) {
    const pivot = middle(values[left]!, values[(left + right) >> 1]!, values[right]!);
    let [i, j] = [left, right];
    while (i <= j) {
      while (values[i]! < pivot) i += 1;
      while (values[j]! > pivot) j -= 1;
      if (i > j) break;
      const swapped = values[i]!;
      values[i++] = values[j]!;
      values[j--] = swapped;
    }
    if (k <= j) right = j;
    else if (k >= i) left = i;
    else return;
  }
}

const middle = (a: number, b: number, c: number) => Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
