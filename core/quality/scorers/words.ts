import { gramsOf, sharedGrams, wordsOf } from './ngrams.js';

/**
 * @returns SQuAD's normal form: lower case, no punctuation, no articles, single blanks (evaluate-v1.1.py).
 */
export function squadNormal(text: string): string {
  return text
    .toLowerCase()
    .replace(/[\p{P}\p{S}]/gu, '')
    .replace(/(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu, ' ')
    .split(/\s+/u)
    .filter((word) => word !== '')
    .join(' ');
}

/**
 * F1 over the bags of words of two normalized answers (Rajpurkar et al., "SQuAD", EMNLP 2016; the official
 * evaluate-v1.1.py). Two empty answers agree (evaluate-v2.0.py).
 * @returns 0 to 1.
 */
export function tokenF1(answer: string, reference: string): number {
  const words = (text: string) => squadNormal(text).split(' ').filter(Boolean);
  const [got, wanted] = [words(answer), words(reference)];
  if (got.length === 0 || wanted.length === 0) return got.length === wanted.length ? 1 : 0;
  const left = new Map<string, number>();
  for (const word of wanted) left.set(word, (left.get(word) ?? 0) + 1);
  let shared = 0;
  for (const word of got) {
    const count = left.get(word) ?? 0;
    if (count === 0) continue;
    left.set(word, count - 1);
    shared += 1;
  }
  return f1(shared / got.length, shared / wanted.length);
}

/** Words beyond this many are not compared: the work grows with the product of both lengths. */
const MAX_WORDS = 4000;

const rougeWords = (text: string) => wordsOf(text).slice(0, MAX_WORDS);

/**
 * ROUGE-L: F1 from the longest common subsequence of words (Lin, "ROUGE", 2004), sentence level, without
 * stemming; equal to Google's rouge_score for ASCII. Letters of every script count as words here, where that
 * package keeps ASCII alone, so that Chinese scores 0 there.
 * @returns 0 to 1.
 */
export function rougeL(answer: string, reference: string): number {
  const [got, wanted] = [rougeWords(answer), rougeWords(reference)];
  if (got.length === 0 || wanted.length === 0) return 0;
  const common = commonSubsequence(got, wanted);
  return f1(common / got.length, common / wanted.length);
}

/** ROUGE-N: F1 of n-grams of words, cut into words as rougeL does. @returns 0 to 1. */
export function rougeN(answer: string, reference: string, n: number): number {
  const [got, wanted] = [rougeWords(answer), rougeWords(reference)];
  const shared = sharedGrams(gramsOf(got, n), gramsOf(wanted, n));
  return f1(shared / Math.max(1, got.length - n + 1), shared / Math.max(1, wanted.length - n + 1));
}

function commonSubsequence(a: readonly string[], b: readonly string[]): number {
  let above = new Uint32Array(b.length + 1);
  let row = new Uint32Array(b.length + 1);
  for (const word of a) {
    for (let j = 1; j <= b.length; j++) {
      row[j] = word === b[j - 1] ? above[j - 1]! + 1 : Math.max(above[j]!, row[j - 1]!);
    }
    [above, row] = [row, above];
  }
  return above[b.length]!;
}

/** @returns the harmonic mean of precision and recall. */
export function f1(precision: number, recall: number): number {
  return precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
}
