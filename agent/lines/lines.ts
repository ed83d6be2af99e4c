import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const READ_AT_ONCE = 2 ** 20;
/** A line is a question with its answer, or a document; what is longer was never written for this. */
const LONGEST_LINE = 64 * 2 ** 20;

export interface Line {
  readonly text: string;
  /** Bytes of the file up to here. */
  readonly end: number;
}

/**
 * @param andRest whether what stands behind the last end is a line, too.
 * @returns the lines of a part of a file that have an end; it takes the memory of one piece and of the
 *   longest line.
 */
export function* lines(file: number, start: number, stop: number, andRest = false): Generator<Line> {
  const piece = Buffer.alloc(READ_AT_ONCE);
  let rest: Buffer[] = [];
  let [at, end, held] = [start, start, 0];
  while (at < stop) {
    const read = readSync(file, piece, 0, Math.min(piece.length, stop - at), at);
    if (read === 0) break;
    at += read;
    const given = piece.subarray(0, read);
    let from = 0;
    for (let feed = given.indexOf(10); feed >= 0; feed = given.indexOf(10, from)) {
      const last = given.subarray(from, feed);
      const line = rest.length === 0 ? last : Buffer.concat([...rest, last]);
      end += line.length + 1;
      yield { text: line.toString('utf8'), end };
      [rest, held, from] = [[], 0, feed + 1];
    }
    if (from < read) rest.push(Buffer.from(given.subarray(from)));
    held += read - from;
    if (held > LONGEST_LINE) return;
  }
  if (andRest && held > 0) yield { text: Buffer.concat(rest).toString('utf8'), end: end + held };
}

/**
 * @param beginning of ASCII characters.
 * @returns the last line behind the first that begins so and has an end; null = there is none. The file is
 *   read from its end.
 */
export function lastLine(file: number, beginning: string): Line | null {
  const mark = `\n${beginning}`;
  const { size } = fstatSync(file);
  const piece = Buffer.alloc(READ_AT_ONCE + mark.length - 1);
  for (let to = size; to > 0; to -= READ_AT_ONCE) {
    const from = Math.max(0, to - READ_AT_ONCE);
    const read = readSync(file, piece, 0, Math.min(size, to + mark.length - 1) - from, from);
    const given = piece.subarray(0, read);
    // The very last may lack its end.
    for (let at = given.lastIndexOf(mark); at >= 0; at = at === 0 ? -1 : given.lastIndexOf(mark, at - 1)) {
      const [line] = lines(file, from + at + 1, size);
      if (line !== undefined) return line;
    }
  }
  return null;
}

/**
 * @returns the lines of a text that are not blank, with their numbers from 1; the last may lack its end.
 * @throws errors of open(2) as they are.
 */
export function* numberedLines(path: string): Generator<readonly [text: string, line: number]> {
  const file = openSync(path, 'r');
  try {
    let number = 0;
    for (const { text } of lines(file, 0, Number.POSITIVE_INFINITY, true)) {
      number += 1;
      const plain = text.endsWith('\r') ? text.slice(0, -1) : text;
      if (plain.trim() !== '') yield [number === 1 ? plain.replace(/^\uFEFF/, '') : plain, number];
    }
  } finally {
    closeSync(file);
  }
}
