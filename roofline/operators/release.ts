/** Numbers of a release in their order, `1.3.0rc20` as 1, 3, 0, 20. */
const numbersOf = (release: string) => (release.match(/\d+/g) ?? []).map(Number);

/** @returns below 0 where a release is older than another: `0.5.10` is newer than `0.5.9`. */
export function compareReleases(one: string, other: string): number {
  const [a, b] = [numbersOf(one), numbersOf(other)];
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
