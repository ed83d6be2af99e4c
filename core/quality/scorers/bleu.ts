import { gramsOf, sharedGrams } from './ngrams.js';

const ORDERS = 4;

/** What BLEU follows from: numbers that add up over a corpus. */
export interface BleuCounts {
  /** Tokens of the answer, and of the reference whose length is closest (of two the shorter). */
  readonly answer: number;
  readonly reference: number;
  /** By order: n-grams that a reference has, too, and all of the answer. */
  readonly matches: readonly number[];
  readonly total: readonly number[];
}

/**
 * Tokens of mteval-v13a, as sacreBLEU's `tok:13a`: signs apart, points and commas but between digits, dashes
 * behind digits.
 */
function tokens13a(text: string): string[] {
  return ` ${text.trimEnd().replaceAll('<skipped>', '').replaceAll('-\n', '').replaceAll('\n', ' ')} `
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replace(/([{-~[-` -&(-+:-@/])/g, ' $1 ')
    .replace(/([^0-9])([.,])/gu, '$1 $2 ')
    .replace(/([.,])([^0-9])/gu, ' $1 $2')
    .replace(/([0-9])(-)/g, '$1 $2 ')
    .split(/\s+/u)
    .filter((token) => token !== '');
}

/** @param references at least one. */
export function bleuCounts(answer: string, references: readonly string[]): BleuCounts {
  const got = tokens13a(answer);
  const wanted = references.map(tokens13a);
  const distance = (length: number) => Math.abs(length - got.length);
  const closest = wanted
    .map(({ length }) => length)
    .reduce((best, one) =>
      distance(one) < distance(best) || (distance(one) === distance(best) && one < best) ? one : best,
    );
  const orders = Array.from({ length: ORDERS }, (_, i) => i + 1);
  return {
    answer: got.length,
    reference: closest,
    matches: orders.map((n) => sharedGrams(gramsOf(got, n), mostOf(wanted.map((one) => gramsOf(one, n))))),
    total: orders.map((n) => Math.max(0, got.length - n + 1)),
  };
}

/** @returns the counts of two texts together. */
export function addBleu(a: BleuCounts, b: BleuCounts): BleuCounts {
  const sum = (field: 'matches' | 'total') => a[field].map((count, i) => count + b[field][i]!);
  return {
    answer: a.answer + b.answer,
    reference: a.reference + b.reference,
    matches: sum('matches'),
    total: sum('total'),
  };
}

function mostOf(all: readonly ReadonlyMap<string, number>[]): ReadonlyMap<string, number> {
  if (all.length === 1) return all[0]!;
  const most = new Map<string, number>();
  for (const counts of all)
    for (const [gram, count] of counts) most.set(gram, Math.max(count, most.get(gram) ?? 0));
  return most;
}

/**
 * BLEU (Papineni et al., ACL 2002) of added counts: that of a corpus is no mean of sentences. Orders without
 * a match are smoothed as mteval does (`smooth:exp`, Chen & Cherry 2014, method 3). Equals sacreBLEU's
 * `nrefs:…|case:mixed|eff:no|tok:13a|smooth:exp`.
 * @param effectiveOrder true = orders that the answer is too short for do not count (`eff:yes`), as one
 *   sentence wants.
 * @returns 0 to 1 (sacreBLEU prints 0 to 100).
 */
export function bleuOf({ answer, reference, matches, total }: BleuCounts, effectiveOrder: boolean): number {
  if (matches.every((count) => count === 0)) return 0;
  let [smooth, order, logs] = [1, ORDERS, 0];
  for (let n = 0; n < ORDERS; n++) {
    if (total[n] === 0) {
      // Without its order a corpus of words scores 0.
      if (!effectiveOrder) return 0;
      break;
    }
    if (effectiveOrder) order = n + 1;
    if (matches[n] === 0) smooth *= 2;
    logs += Math.log(matches[n] === 0 ? 1 / (smooth * total[n]!) : matches[n]! / total[n]!);
  }
  const brevity = answer < reference ? Math.exp(1 - reference / answer) : 1;
  return brevity * Math.exp(logs / order);
}
