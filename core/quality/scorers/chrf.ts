/** Character n-grams of 1 to 6, recall counted twice as much as precision: sacrebleu's `chrF2`. */
const ORDER = 6;
const BETA = 2;
/** Characters beyond this many are not compared. */
const MAX_CHARACTERS = 20_000;

/**
 * chrF (Popović, "chrF: character n-gram F-score for automatic MT evaluation", WMT 2015) of one sentence, as
 * sacrebleu computes it: blanks removed, precision and recall averaged over the orders that both texts have.
 * @returns 0 to 1 (sacrebleu prints 0 to 100).
 */
export function chrF(answer: string, reference: string): number {
  const characters = (text: string) => [...text.replace(/\s+/gu, '')].slice(0, MAX_CHARACTERS);
  const [got, wanted] = [characters(answer), characters(reference)];
  let precision = 0;
  let recall = 0;
  let orders = 0;
  for (let n = 1; n <= Math.min(ORDER, got.length, wanted.length); n++) {
    const [a, b] = [grams(got, n), grams(wanted, n)];
    let matches = 0;
    for (const [gram, count] of a) matches += Math.min(count, b.get(gram) ?? 0);
    precision += matches / (got.length - n + 1);
    recall += matches / (wanted.length - n + 1);
    orders += 1;
  }
  if (precision + recall === 0) return 0;
  const [p, r] = [precision / orders, recall / orders];
  return ((1 + BETA ** 2) * p * r) / (BETA ** 2 * p + r);
}

function grams(characters: readonly string[], n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + n <= characters.length; i++) {
    const gram = characters.slice(i, i + n).join('');
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}
