import type { Ranked } from './measures.js';
import { topOf } from './top.js';

export interface Bm25Settings {
  /** How soon more of the same word stops to count. */
  readonly k1: number;
  /** How far long documents are marked down, 0 to 1. */
  readonly b: number;
}

/**
 * Letters, digits and marks that stand together, in lower case. No stemming, no stop words: whole words are
 * compared.
 */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}\p{M}]+/gu) ?? [];
}

/** Documents of a word, and how often it is in each. */
interface Postings {
  readonly documents: number[];
  readonly counts: number[];
}

/**
 * BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009) as Lucene has it: Σ idf · tf /
 * (tf + k1 (1 − b + b · length/mean)), idf = ln(1 + (N − n + ½)/(n + ½)), which is never negative. A word
 * that a query has twice counts twice.
 */
export class Bm25 {
  readonly #ids: readonly string[];
  readonly #postings = new Map<string, Postings>();
  /** k1 (1 − b + b · length/mean) of each document. */
  readonly #norms: Float64Array;

  constructor(documents: Iterable<{ readonly id: string; readonly text: string }>, settings: Bm25Settings) {
    const ids: string[] = [];
    const lengths: number[] = [];
    for (const { id, text } of documents) {
      const words = wordsOf(text);
      for (const word of words) this.#count(word, ids.length);
      ids.push(id);
      lengths.push(words.length);
    }
    this.#ids = ids;
    const whole = lengths.reduce((sum, length) => sum + length, 0);
    const average = whole === 0 ? 1 : whole / lengths.length;
    const { k1, b } = settings;
    this.#norms = Float64Array.from(lengths, (length) => k1 * (1 - b + (b * length) / average));
  }

  #count(word: string, document: number): void {
    const found = this.#postings.get(word) ?? { documents: [], counts: [] };
    if (found.documents.length === 0) this.#postings.set(word, found);
    const last = found.documents.length - 1;
    if (found.documents[last] === document) found.counts[last]! += 1;
    else {
      found.documents.push(document);
      found.counts.push(1);
    }
  }

  /**
   * @returns the best documents that share a word with the query, best first; equal scores in the order of
   *   the corpus.
   */
  search(query: string, top: number): Ranked[] {
    const scores = new Float64Array(this.#ids.length);
    const touched = new Set<number>();
    for (const word of wordsOf(query)) {
      const { documents, counts } = this.#postings.get(word) ?? NOWHERE;
      const n = documents.length;
      const idf = Math.log(1 + (this.#ids.length - n + 0.5) / (n + 0.5));
      for (let i = 0; i < n; i++) {
        const document = documents[i]!;
        scores[document]! += (idf * counts[i]!) / (counts[i]! + this.#norms[document]!);
        touched.add(document);
      }
    }
    return topOf(touched, scores, top).map((at) => ({ id: this.#ids[at]!, score: scores[at]! }));
  }
}

const NOWHERE: Postings = { documents: [], counts: [] };
