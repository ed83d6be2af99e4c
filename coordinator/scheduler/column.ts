/** Numbers of one chunk. */
const CHUNK = 8192;

type Numbers = Float32Array | Float64Array | Int32Array | Uint32Array;

/**
 * A list of numbers that grows at its end. It is made of typed arrays, one after the other, so that growing
 * copies nothing and reserves no more than one of them.
 */
export class Column<N extends Numbers = Numbers> {
  readonly #chunks: N[] = [];
  readonly #make: (length: number) => N;
  #length = 0;

  /** @param make makes a typed array of so many numbers. */
  constructor(make: (length: number) => N) {
    this.#make = make;
  }

  get length(): number {
    return this.#length;
  }

  /** @param index from 0, below the length. */
  at(index: number): number {
    return this.#chunks[Math.floor(index / CHUNK)]![index % CHUNK]!;
  }

  set(index: number, value: number): void {
    this.#chunks[Math.floor(index / CHUNK)]![index % CHUNK] = value;
  }

  push(value: number): void {
    if (this.#length === this.#chunks.length * CHUNK) this.#chunks.push(this.#make(CHUNK));
    this.#length += 1;
    this.set(this.#length - 1, value);
  }

  /** Takes the last one away, if there is one. */
  pop(): void {
    this.#length = Math.max(0, this.#length - 1);
  }

  /** @returns a copy of what stands from one index to before another, or to the end. */
  slice(from: number, to: number): N {
    const piece = this.#make(Math.max(0, Math.min(to, this.#length) - from));
    for (let i = 0; i < piece.length; i += 1) piece[i] = this.at(from + i);
    return piece;
  }
}
