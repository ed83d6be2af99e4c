/** @returns the rank of each value from 1, equal values sharing the mean of theirs. */
export function averageRanks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const ranks = new Array<number>(values.length);
  for (let first = 0, last = 0; first < order.length; first = last + 1) {
    last = first;
    while (last + 1 < order.length && values[order[last + 1]!] === values[order[first]!]) last += 1;
    for (let i = first; i <= last; i++) ranks[order[i]!] = (first + last) / 2 + 1;
  }
  return ranks;
}
