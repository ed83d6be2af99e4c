/**
 * Edits between two words, a swap of neighbours counting as one (optimal string alignment distance);
 * stops counting above `limit`.
 */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((last[j - 1] ?? 0) + (same ? 0 : 1), (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      }
      row.push(cost);
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

/** Case, dashes, dots and underscores are what people forget first. */
const plain = (name: string) => name.toLowerCase().replace(/[-_.\s]/g, '');

/** Of a longer list the others are only compared as they begin: a distance costs a thousand times more. */
const MAX_CANDIDATES = 200;

/** @returns the candidate that was most likely meant, or null when none is near. */
export function nearest(name: string, candidates: readonly string[]): string | null {
  if (name.length > 100) return null;
  const wanted = plain(name);
  let best: string | null = null;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const [index, candidate] of candidates.entries()) {
    const target = plain(candidate);
    if (wanted.length >= 4 && target.startsWith(wanted)) return candidate;
    if (index >= MAX_CANDIDATES) continue;
    const limit = Math.max(1, Math.floor(Math.max(wanted.length, target.length) / 3));
    const edits = distance(wanted, target, limit);
    if (edits <= limit && edits < bestDistance && edits < target.length) {
      best = candidate;
      bestDistance = edits;
    }
  }
  return best;
}
