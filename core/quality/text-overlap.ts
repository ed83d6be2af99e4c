import { wordsOf } from './scorers/ngrams.js';

/** Adds up distinct-n over texts. */
export class DistinctGrams {
  readonly #n: number;
  readonly #seen = new Set<string>();
  #all = 0;

  constructor(n: number) {
    this.#n = n;
  }

  add(text: string): void {
    for (const gram of wordGrams(text, this.#n)) {
      this.#seen.add(gram);
      this.#all += 1;
    }
  }

  /** distinct-n (Li et al., NAACL 2016): different n-grams of words as a share of all; null without one. */
  get share(): number | null {
    return this.#all === 0 ? null : this.#seen.size / this.#all;
  }
}

/**
 * n-grams of words of a text that items may have leaked from, each by a hash of 53 bits: one in 10¹⁰ or so is
 * taken for another.
 */
export class LeakedGrams {
  readonly #n: number;
  readonly #known = new Set<number>();

  /** @param pieces of the text, parted between words. */
  constructor(pieces: Iterable<string>, n: number) {
    this.#n = n;
    for (const piece of pieces) for (const gram of wordGrams(piece, n)) this.#known.add(hashOf(gram));
  }

  /** @returns the share of a text's n-grams that are known; null where it is shorter than one. */
  shareOf(text: string): number | null {
    let [found, all] = [0, 0];
    for (const gram of wordGrams(text, this.#n)) {
      all += 1;
      found += Number(this.#known.has(hashOf(gram)));
    }
    return all === 0 ? null : found / all;
  }
}

function* wordGrams(text: string, n: number): Generator<string> {
  const words = wordsOf(text);
  for (let i = 0; i + n <= words.length; i++) yield words.slice(i, i + n).join(' ');
}

/** FNV-1a (Fowler, Noll & Vo) of 32 bits over a text, and over it backwards: 53 bits of the two. */
function hashOf(text: string): number {
  let [forth, back] = [0x811c_9dc5, 0x811c_9dc5];
  for (let i = 0; i < text.length; i++) {
    forth = Math.imul(forth ^ text.charCodeAt(i), 0x0100_0193);
    back = Math.imul(back ^ text.charCodeAt(text.length - 1 - i), 0x0100_0193);
  }
  return (forth >>> 0) + 2 ** 32 * (back >>> 11);
}
