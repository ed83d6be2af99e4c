import type { WriteStream } from 'node:tty';
import pc from 'picocolors';
import type { TableOptions } from './table.js';

/** Columns when the output goes to a file or a pipe: wide enough for every column. */
const UNLIMITED_COLUMNS = 400;

/**
 * How to draw on this stream. Honours NO_COLOR, FORCE_COLOR and TERM=dumb (picocolors), COLUMNS, and the
 * locale: without UTF-8 only ASCII is printed.
 */
export function terminalStyle(stream: Partial<WriteStream>): TableOptions {
  const columns = stream.columns ?? Number(process.env.COLUMNS);
  const locale = process.env.LC_ALL || process.env.LC_CTYPE || process.env.LANG || '';
  return {
    width: Number.isInteger(columns) && columns > 0 ? columns : UNLIMITED_COLUMNS,
    color: pc.isColorSupported && (stream.isTTY === true || process.env.FORCE_COLOR !== undefined),
    unicode: process.platform === 'win32' || process.platform === 'darwin' || /utf-?8/i.test(locale),
  };
}

export type Colors = ReturnType<typeof pc.createColors>;

/** @returns the colours of standard output, or none where it is a file or a pipe and nothing forces them. */
export const stdoutColors = (): Colors => pc.createColors(terminalStyle(process.stdout).color);
