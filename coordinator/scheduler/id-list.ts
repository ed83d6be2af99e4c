/** Ids of one chunk, which is cut to its size once it is full. */
const CHUNK = 8192;

/** What ids of ours end in, and the bytes that it takes as such. */
const HASHED = /^[0-9a-f]{24}$/;
const [HASH_DIGITS, HASH_BYTES] = [24, 12];

interface Chunk {
  bytes: Buffer;
  /** Where each id ends in the bytes; the first begins at 0. */
  readonly ends: Uint32Array;
  /** What each begins with, by its number, twice; and 1 more where it ends in a hash. */
  readonly kinds: Uint32Array;
}

/**
 * A list of ids that only grows, in some 40 bytes an id where strings take 100; the garbage collector looks
 * at none of them. The beginning that all trials of a sweep share is kept once, and the hash that each ends
 * in as bytes.
 */
export class IdList {
  readonly #chunks: Chunk[] = [];
  readonly #heads: string[] = [];
  readonly #headNumbers = new Map<string, number>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @param id well-formed Unicode. */
  push(id: string): void {
    const at = this.#size % CHUNK;
    if (at === 0) {
      const full = this.#chunks.at(-1);
      if (full !== undefined) full.bytes = Buffer.from(full.bytes.subarray(0, full.ends[CHUNK - 1]));
      const [ends, kinds] = [new Uint32Array(CHUNK), new Uint32Array(CHUNK)];
      this.#chunks.push({ bytes: Buffer.allocUnsafeSlow(64 * CHUNK), ends, kinds });
    }
    const chunk = this.#chunks.at(-1)!;
    const head = headOf(id);
    const hash = id.slice(-HASH_DIGITS);
    const isHashed = id.length - head.length >= HASH_DIGITS && HASHED.test(hash);
    const middle = id.slice(head.length, isHashed ? -HASH_DIGITS : undefined);
    const begin = at === 0 ? 0 : chunk.ends[at - 1]!;
    const end = begin + Buffer.byteLength(middle) + (isHashed ? HASH_BYTES : 0);
    if (end > chunk.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(2 * end);
      chunk.bytes.copy(larger, 0, 0, begin);
      chunk.bytes = larger;
    }
    chunk.bytes.write(middle, begin);
    if (isHashed) chunk.bytes.write(hash, end - HASH_BYTES, 'hex');
    chunk.ends[at] = end;
    chunk.kinds[at] = 2 * this.#numberOf(head) + Number(isHashed);
    this.#size += 1;
  }

  /** @param index from 0, below the size. */
  get(index: number): string {
    const { bytes, ends, kinds } = this.#chunks[Math.floor(index / CHUNK)]!;
    const at = index % CHUNK;
    const [begin, end, kind] = [at === 0 ? 0 : ends[at - 1]!, ends[at]!, kinds[at]!];
    const split = kind % 2 === 1 ? end - HASH_BYTES : end;
    return `${this.#heads[kind >> 1]}${bytes.toString('utf8', begin, split)}${bytes.toString('hex', split, end)}`;
  }

  #numberOf(head: string): number {
    const known = this.#headNumbers.get(head);
    if (known !== undefined) return known;
    this.#headNumbers.set(head, this.#heads.length);
    return this.#heads.push(head) - 1;
  }
}

/**
 * @returns the beginning that an id shares with those of its sweep: `t.<sweep>.`; nothing for an id of
 *   another form.
 */
function headOf(id: string): string {
  return id.startsWith('t.') ? id.slice(0, id.indexOf('.', 2) + 1) : '';
}
