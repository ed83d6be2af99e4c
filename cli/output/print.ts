import { once } from 'node:events';
import { printableLines } from '../../core/input/printable.js';
import { columnsOf, wrap } from './text.js';

/**
 * Writes data to stdout, with exactly one newline at its end. It may contain names and sentences of
 * strangers. So a terminal gets no control characters, which could move its cursor or hide a part. A file or
 * a pipe gets every byte.
 */
export function printData(text: string): void {
  printDrawn(process.stdout.isTTY === true ? printableLines(text).join('\n') : text);
}

/**
 * The same for what was drawn for a terminal, with colours. Whoever draws has made each text in it printable.
 */
export function printDrawn(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

/** The same, and waits where the reader of stdout is slower: for what is more than memory should hold. */
export async function printNext(text: string): Promise<void> {
  printData(text);
  if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain');
}

/** Writes a value as indented JSON to stdout. */
export function printJson(value: unknown): void {
  printData(JSON.stringify(value, null, 2));
}

/** A block that is kept up to date at the bottom of the terminal; lines have to go above it. */
interface LiveBlock {
  say(line: string): void;
}

let live: LiveBlock | null = null;

/** From here on lines go above this block; null when it is gone. stderr is one, so this is, too. */
export function sayAbove(block: LiveBlock | null): void {
  live = block;
}

/**
 * Writes a line for people to stderr: progress, hints, where files went. A terminal gets it broken between
 * words, and nothing that would move its cursor, for agents and other people write names and reasons.
 */
export function say(text: string): void {
  const { isTTY, columns = 0 } = process.stderr;
  // A path that is longer than a line has to stay whole; lines after the first are indented by two.
  const breaks = isTTY === true && text.split(/[ \n]/).every((word) => columnsOf(word) + 2 <= columns);
  const lines = printableLines(text);
  for (const line of breaks ? lines.flatMap((one) => wrap(one, columns, '  ')) : lines) {
    if (live === null) process.stderr.write(`${line}\n`);
    else live.say(line);
  }
}
