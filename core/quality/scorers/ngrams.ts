/** How often each n-gram of a list occurs; the parts of one are joined by a blank. */
export function gramsOf(parts: readonly string[], n: number, between = ' '): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + n <= parts.length; i++) {
    const gram = parts.slice(i, i + n).join(between);
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}

/** @returns how many n-grams two lists have in common, each as often as both have it. */
export function sharedGrams(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  let shared = 0;
  for (const [gram, count] of a) shared += Math.min(count, b.get(gram) ?? 0);
  return shared;
}

/** @returns words: runs of letters, marks and digits of any script, in lower case. */
export function wordsOf(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[^\p{L}\p{M}\p{N}]+/u)
    .filter((word) => word !== '');
}
