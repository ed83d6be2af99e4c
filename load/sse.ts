import { Gathered } from '../proto/http/gathered.js';

/**
 * The most bytes of a line, and characters of the lines of one event; chunks of language models are far
 * smaller.
 */
const LONGEST = 4 * 2 ** 20;

const LF = 10;
const CR = 13;

/**
 * Reads a stream of server-sent events from pieces of bytes that may be cut anywhere (WHATWG HTML,
 * "Server-sent events"): lines end with LF, CR LF or CR; the `data` lines of an event are joined by LF;
 * comments and other fields are ignored. Bytes are decoded line by line, so that no character is ever cut.
 */
export class EventStream {
  readonly #onData: (data: string) => void;
  /** The beginning of a line whose end has not arrived. */
  readonly #rest = new Gathered(LONGEST);
  /** Data of the event that is being read; null = no `data` line yet. */
  #data: string | null = null;
  /** True if the last byte was CR, so that an LF that follows belongs to it. */
  #afterCr = false;
  #first = true;

  /** @param onData gets the data of each event. */
  constructor(onData: (data: string) => void) {
    this.#onData = onData;
  }

  /** @throws RangeError for a line or an event that is too long to be one. */
  push(bytes: Buffer): void {
    let from = this.#afterCr && bytes[0] === LF ? 1 : 0;
    if (bytes.length > 0) this.#afterCr = false;
    let lf = bytes.indexOf(LF, from);
    let cr = bytes.indexOf(CR, from);
    while (lf >= 0 || cr >= 0) {
      const end = lf < 0 ? cr : cr < 0 ? lf : Math.min(lf, cr);
      this.#line(bytes, from, end);
      from = end + 1;
      if (end === cr) {
        if (from === bytes.length) this.#afterCr = true;
        else if (bytes[from] === LF) from += 1;
        cr = bytes.indexOf(CR, from);
      }
      if (lf >= 0 && lf < from) lf = bytes.indexOf(LF, from);
    }
    if (from === bytes.length) return;
    this.#keep(bytes.subarray(from));
  }

  /**
   * Delivers an event whose final blank line is missing, because some servers close after their last line.
   */
  end(): void {
    if (this.#rest.length > 0) this.#line(Buffer.alloc(0), 0, 0);
    this.#line(Buffer.alloc(0), 0, 0);
  }

  #line(bytes: Buffer, from: number, end: number): void {
    let line: string;
    if (this.#rest.length === 0) line = bytes.toString('utf8', from, end);
    else {
      this.#keep(bytes.subarray(from, end));
      line = this.#rest.take();
    }
    if (this.#first) {
      this.#first = false;
      if (line.startsWith('\uFEFF')) line = line.slice(1);
    }
    if (line === '') {
      const data = this.#data;
      this.#data = null;
      if (data !== null) this.#onData(data);
    } else if (line.startsWith('data:')) {
      this.#add(line.slice(line.charCodeAt(5) === 32 ? 6 : 5));
    } else if (line === 'data') this.#add('');
  }

  #keep(bytes: Buffer): void {
    if (!this.#rest.push(bytes)) throw new RangeError(`a line of more than ${LONGEST} bytes`);
  }

  #add(value: string): void {
    this.#data = this.#data === null ? value : `${this.#data}\n${value}`;
    if (this.#data.length > LONGEST) throw new RangeError(`an event of more than ${LONGEST} characters`);
  }
}
