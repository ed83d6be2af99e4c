import { createHash } from 'node:crypto';

/**
 * Fills buffers with random words, the same for the same seed on every machine: xoshiro128++ (Blackman and
 * Vigna, ACM TOMS 47(4), 2021, https://prng.di.unimi.it/xoshiro128plusplus.c), 32-bit arithmetic only.
 */
export class RandomWords {
  readonly #state: Uint32Array;

  /** @param state four words that are not all zero. */
  constructor(state: readonly [number, number, number, number]) {
    this.#state = Uint32Array.from(state);
  }

  /** @returns a stream of its own for every seed and label. */
  static forSeed(seed: number, label: string): RandomWords {
    const hash = createHash('sha256').update(`${seed}/${label}`).digest();
    const [a, b, c, d] = [0, 4, 8, 12].map((at) => hash.readUInt32LE(at));
    return new RandomWords([a!, b!, c!, d!]);
  }

  fill(words: Uint32Array): void {
    let [a = 0, b = 0, c = 0, d = 0] = this.#state;
    for (let i = 0; i < words.length; i++) {
      const sum = (a + d) | 0;
      words[i] = (((sum << 7) | (sum >>> 25)) + a) | 0;
      const t = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= t;
      d = (d << 11) | (d >>> 21);
    }
    this.#state.set([a, b, c, d]);
  }
}
