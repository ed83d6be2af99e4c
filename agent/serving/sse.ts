/** More than any chunk of a language model takes; what goes beyond is no stream of events. */
const LONGEST_LINE = 16 * 2 ** 20;

const LF = 10;
const CR = 13;

/**
 * Reads a stream of server-sent events as bytes come, cut anywhere (WHATWG HTML, "Server-sent events"): lines end with LF, CR LF or
 * CR; the `data` lines of an event are joined by LF; comments and other fields are passed over. Bytes become text by whole
 * lines, so that no character is ever cut.
 */
export class EventStream {
  readonly #onData: (data: string) => void;
  /** The beginning of a line whose end has not come. */
  #rest: Buffer | null = null;
  /** Of the event that is being read; null = no `data` line yet. */
  #data: string | null = null;
  /** The last byte was CR: an LF that follows belongs to it. */
  #afterCr = false;
  #first = true;

  /** @param onData gets the data of each event. */
  constructor(onData: (data: string) => void) {
    this.#onData = onData;
  }

  /** @throws RangeError for a line that is too long to be one. */
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
    const rest = bytes.subarray(from);
    this.#rest = this.#rest === null ? rest : Buffer.concat([this.#rest, rest]);
    if (this.#rest.length > LONGEST_LINE) throw new RangeError(`a line of more than ${LONGEST_LINE} bytes`);
  }

  /** Gives out an event whose blank line never came: servers close after their last line. */
  end(): void {
    if (this.#rest !== null) this.#line(Buffer.alloc(0), 0, 0);
    this.#line(Buffer.alloc(0), 0, 0);
  }

  #line(bytes: Buffer, from: number, end: number): void {
    let line: string;
    if (this.#rest === null) line = bytes.toString('utf8', from, end);
    else {
      line = Buffer.concat([this.#rest, bytes.subarray(from, end)]).toString('utf8');
      this.#rest = null;
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
      const value = line.slice(line.charCodeAt(5) === 32 ? 6 : 5);
      this.#data = this.#data === null ? value : `${this.#data}\n${value}`;
    } else if (line === 'data') this.#data = this.#data === null ? '' : `${this.#data}\n`;
  }
}
