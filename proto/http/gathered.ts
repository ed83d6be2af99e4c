const FIRST_BYTES = 4096;

/**
 * Bytes that come in parts, in one piece of memory: parts of one byte each, kept apart, would take a hundred
 * times their length.
 */
export class Gathered {
  readonly #mostBytes: number;
  #bytes = Buffer.alloc(0);
  #length = 0;

  /** @param mostBytes that are kept. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  get length(): number {
    return this.#length;
  }

  /** Keeps a part, or the beginning of it that there is room for. @returns whether all of it was kept. */
  push(part: Buffer): boolean {
    const taken = part.subarray(0, this.#mostBytes - this.#length);
    const end = this.#length + taken.length;
    if (end > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.min(this.#mostBytes, Math.max(FIRST_BYTES, 2 * end)));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    taken.copy(this.#bytes, this.#length);
    this.#length = end;
    return taken.length === part.length;
  }

  /** All of it, in place: the next part may overwrite it. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** @returns all of it as UTF-8, and keeps nothing. */
  take(): string {
    const text = this.bytes.toString('utf8');
    this.#length = 0;
    return text;
  }
}
