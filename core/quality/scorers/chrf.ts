import { gramsOf, sharedGrams } from './ngrams.js';

/** Character n-grams of 1 to 6, recall counted twice as much as precision: sacreBLEU's `chrF2`. */
const ORDER = 6;
/** Beside them words and pairs of words: `chrF2++`. */
const WORD_ORDER = 2;
const BETA = 2;
/** Characters beyond this many are not compared. */
const MAX_CHARACTERS = 20_000;

/**
 * What chrF follows from, by order: n-grams of the answer, of the reference, and of both. They add up over a
 * corpus.
 */
export type ChrfCounts = readonly {
  readonly answer: number;
  readonly reference: number;
  readonly matches: number;
}[];

/** @param words also those of words (chrF++). */
function chrfCounts(answer: string, reference: string, words: boolean): ChrfCounts {
  const [got, wanted] = [answer, reference].map((text) => grams(text, words));
  return got!.map((own, i) => {
    const other = wanted![i]!;
    // As sacreBLEU counts: an order that the reference is too short for does not count.
    const answered = other.size === 0 ? 0 : sizeOf(own);
    return { answer: answered, reference: sizeOf(other), matches: sharedGrams(own, other) };
  });
}

/**
 * chrF (Popović, WMT 2015; chrF++ WMT 2017) of added counts, as sacreBLEU computes it
 * (`nc:6|nw:0 or 2|space:no|eff:yes`): precision and recall averaged over the orders that both have.
 * @returns 0 to 1 (sacreBLEU prints 0 to 100).
 */
export function chrfOf(counts: ChrfCounts): number {
  const both = counts.filter(({ answer, reference }) => answer > 0 && reference > 0);
  const average = (numberOf: (one: ChrfCounts[number]) => number) =>
    both.reduce((sum, one) => sum + numberOf(one), 0) / both.length;
  const precision = average(({ matches, answer }) => matches / answer);
  const recall = average(({ matches, reference }) => matches / reference);
  if (both.length === 0 || precision + recall === 0) return 0;
  return ((1 + BETA ** 2) * precision * recall) / (BETA ** 2 * precision + recall);
}

/** @returns the counts of two texts together. */
export function addChrf(a: ChrfCounts, b: ChrfCounts): ChrfCounts {
  return a.map((one, i) => {
    const other = b[i]!;
    return {
      answer: one.answer + other.answer,
      reference: one.reference + other.reference,
      matches: one.matches + other.matches,
    };
  });
}

/** @param references at least one. @returns the counts with the reference that gives the highest score. */
export function bestChrf(answer: string, references: readonly string[], words: boolean): ChrfCounts {
  return references
    .map((reference) => chrfCounts(answer, reference, words))
    .reduce((best, one) => (chrfOf(one) > chrfOf(best) ? one : best));
}

/** chrF of one sentence, blanks left out. @returns 0 to 1. */
export const chrF = (answer: string, reference: string): number =>
  chrfOf(chrfCounts(answer, reference, false));

/** chrF++ of one sentence. @returns 0 to 1. */
export const chrFWords = (answer: string, reference: string): number =>
  chrfOf(chrfCounts(answer, reference, true));

function grams(text: string, words: boolean): Map<string, number>[] {
  const characters = [...text.replace(/\s+/gu, '')].slice(0, MAX_CHARACTERS);
  const ofCharacters = Array.from({ length: ORDER }, (_, i) => gramsOf(characters, i + 1, ''));
  if (!words) return ofCharacters;
  const apart = withoutSigns(text.slice(0, MAX_CHARACTERS));
  return [...ofCharacters, ...Array.from({ length: WORD_ORDER }, (_, i) => gramsOf(apart, i + 1))];
}

const SIGNS = new Set('!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~');

/** Words with one sign taken off: the last one, else the first, as Popović's program does. */
function withoutSigns(text: string): string[] {
  return text
    .split(/\s+/u)
    .filter((word) => word !== '')
    .flatMap((word) => {
      const characters = [...word];
      if (characters.length === 1) return [word];
      if (SIGNS.has(characters.at(-1)!)) return [characters.slice(0, -1).join(''), characters.at(-1)!];
      return SIGNS.has(characters[0]!) ? [characters[0]!, characters.slice(1).join('')] : [word];
    });
}

function sizeOf(counts: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const count of counts.values()) sum += count;
  return sum;
}
