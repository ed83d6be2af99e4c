import { FormatError } from '../format.js';

const CHUNK_BYTES = 256 * 1024;
/** A header larger than this is not one: the largest vocabularies make about 20 MB. */
export const MAX_HEADER_BYTES = 256 * 2 ** 20;
const UTF8 = new TextDecoder('utf-8');

/** Says in a sentence why a file cannot be a model; the caller adds which file. */
export class GgufError extends FormatError {
  override readonly name: string = 'GgufError';
}

/** What there is of the file ends inside its header. */
export class HeaderGoesOn extends GgufError {
  override readonly name = 'HeaderGoesOn';
}

/** Copies bytes from a place of the file into `into` at `at`; gives how many there were, 0 at the end. */
export type ReadAt = (into: Buffer, at: number, length: number, position: number) => number;

/**
 * Reads little-endian values front to back through one window of the file: memory stays the same however
 * large the file is, and every length is held against what is left of it.
 */
export class HeaderReader {
  readonly #read: ReadAt;
  readonly #fileBytes: number;
  readonly #chunk = Buffer.alloc(CHUNK_BYTES);
  #chunkStart = 0;
  #chunkLength = 0;
  #position = 0;

  constructor(read: ReadAt, fileBytes: number) {
    this.#read = read;
    this.#fileBytes = fileBytes;
  }

  /** Bytes read so far. */
  get position(): number {
    return this.#position;
  }

  u8(what: string): number {
    return this.#need(1, what).readUInt8();
  }

  u32(what: string): number {
    return this.#need(4, what).readUInt32LE();
  }

  /** Counts and offsets: a value that a file cannot have is refused instead of rounded. */
  u64(what: string): number {
    const value = this.#need(8, what).readBigUInt64LE();
    if (value > BigInt(Number.MAX_SAFE_INTEGER))
      throw new GgufError(`${what} is ${value}, which no file can hold`);
    return Number(value);
  }

  /** The next bytes, valid until the next read. */
  bytes(length: number, what: string): Buffer {
    return this.#need(length, what);
  }

  /** A string of at most `maxBytes`; a longer one is skipped and null. */
  string(maxBytes: number, what: string): string | null {
    const length = this.u64(`the length of ${what}`);
    this.#fits(length, what);
    if (length > maxBytes) {
      this.skip(length, what);
      return null;
    }
    return UTF8.decode(this.#need(length, what));
  }

  skip(bytes: number, what: string): void {
    this.#fits(bytes, what);
    this.#position += bytes;
  }

  /**
   * Skips strings: a hostile header can hold 32 million, so their lengths are read without making anything of
   * them.
   */
  skipStrings(count: number, what: string): void {
    for (let i = 0; i < count; i++) {
      const at = this.#position - this.#chunkStart;
      const near = at >= 0 && at + 8 <= this.#chunkLength && this.#chunk.readUInt32LE(at + 4) === 0;
      const length = near ? this.#chunk.readUInt32LE(at) : this.u64(what);
      const begin = near ? this.#position + 8 : this.#position;
      if (begin + length > this.#fileBytes || begin + length > MAX_HEADER_BYTES)
        this.#fits(begin + length - this.#position, what);
      this.#position = begin + length;
    }
  }

  #fits(bytes: number, what: string): void {
    const end = this.#position + bytes;
    if (end > this.#fileBytes) {
      const left = this.#fileBytes - this.#position;
      throw new GgufError(`the file ends inside ${what}: it needs ${bytes} bytes and ${left} are left`);
    }
    if (end > MAX_HEADER_BYTES) {
      throw new GgufError(`the header is longer than ${MAX_HEADER_BYTES / 2 ** 20} MiB, at ${what}`);
    }
  }

  #need(bytes: number, what: string): Buffer {
    this.#fits(bytes, what);
    let at = this.#position - this.#chunkStart;
    if (at < 0 || at + bytes > this.#chunkLength) {
      this.#fill();
      at = 0;
      if (bytes > this.#chunkLength) throw new HeaderGoesOn(`the file ends inside ${what}`);
    }
    this.#position += bytes;
    return this.#chunk.subarray(at, at + bytes);
  }

  #fill(): void {
    this.#chunkStart = this.#position;
    this.#chunkLength = 0;
    while (this.#chunkLength < CHUNK_BYTES) {
      const room = CHUNK_BYTES - this.#chunkLength;
      const got = this.#read(this.#chunk, this.#chunkLength, room, this.#chunkStart + this.#chunkLength);
      if (got === 0) break;
      this.#chunkLength += got;
    }
  }
}
