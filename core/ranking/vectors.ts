import type { Ranked } from './measures.js';
import { topOf } from './top.js';

/** Vectors of documents, searched exactly: every one is compared. 4 bytes a number. */
export class Vectors {
  readonly #ids: readonly string[];
  readonly #width: number;
  readonly #values: Float32Array;
  readonly #scores: Float32Array;

  /** @param values of all documents, one after the other, each `width` numbers wide. */
  constructor(ids: readonly string[], values: Float32Array, width: number) {
    this.#ids = ids;
    this.#values = values;
    this.#width = width;
    this.#scores = new Float32Array(ids.length);
  }

  /**
   * @returns the documents with the largest dot products, best first; of vectors of length 1 that is the
   *   cosine.
   */
  search(query: Float32Array, top: number): Ranked[] {
    const [scores, values, width] = [this.#scores, this.#values, this.#width];
    for (let row = 0, at = 0; row < scores.length; row++, at += width)
      scores[row] = dot(query, values, at, width);
    return topOf(scores.keys(), scores, top).map((row) => ({ id: this.#ids[row]!, score: scores[row]! }));
  }
}

/**
 * Product of a vector with one that begins at `at`. Four sums side by side: one would wait for each addition
 * before the next.
 */
export function dot(a: Float32Array, b: Float32Array, at: number, width: number): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 3 < width; i += 4) {
    s0 += a[i]! * b[at + i]!;
    s1 += a[i + 1]! * b[at + i + 1]!;
    s2 += a[i + 2]! * b[at + i + 2]!;
    s3 += a[i + 3]! * b[at + i + 3]!;
  }
  for (; i < width; i++) s0 += a[i]! * b[at + i]!;
  return s0 + s1 + s2 + s3;
}

/** Makes a vector one of length 1, in place; one of zeros stays. */
export function normalize(vector: Float32Array): Float32Array {
  let squares = 0;
  for (let i = 0; i < vector.length; i++) squares += vector[i]! * vector[i]!;
  if (squares > 0) {
    const scale = 1 / Math.sqrt(squares);
    for (let i = 0; i < vector.length; i++) vector[i]! *= scale;
  }
  return vector;
}
