import type { Reading } from './spelling.js';

/** A Technique is what is varied on a model before it runs. One technique is one axis of a sweep. */
export interface Technique {
  /** The axis: `quantization`, `sparsity`. */
  readonly name: string;
  /** The word for leaving the model as it is. */
  readonly fallback: string;
  readonly help: string;
  /** Words to complete in an editor and to guess from. */
  readonly examples: readonly string[];
  /** What a word has to be, after "must be". */
  readonly form: string;
  /**
   * Keys of the map that may stand for a word, with their help; the first is the one it cannot do without.
   */
  readonly keys: Readonly<Record<string, string>>;
  /** @returns the canonical word for what was written, or why there is none. */
  read(spelling: string): Reading<string>;
  /** @returns the word for a map of keys with one value each; it is read next. */
  spell(map: Readonly<Record<string, unknown>>): string;
}
