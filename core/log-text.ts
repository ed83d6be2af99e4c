import { printable } from './input/printable.js';

/** How a process that serves writes its log; `auto` = text where a person looks on, JSON for machines. */
export const LOG_FORMATS = ['auto', 'json', 'text'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Pino's numbers of levels. */
const LEVELS: Readonly<Record<number, string>> = {
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};
/** What every line of a process has, and nobody wants to read. */
const HIDDEN = ['level', 'time', 'msg', 'pid', 'hostname', 'name'];

export function isText(format: LogFormat, { isTTY }: { readonly isTTY?: boolean }): boolean {
  return format === 'auto' ? isTTY === true : format === 'text';
}

/** @returns a destination of pino that writes lines for people. */
export function textLog(stream: { write(text: string): unknown }): { write(line: string): void } {
  return { write: (line) => void stream.write(`${logText(line)}\n`) };
}

/**
 * @param line of a log as JSON. @returns the same for people, with the time of day of this machine:
 * `20:31:07 info  trial ended  trial=a1b2 status=ok`.
 */
function logText(line: string): string {
  const entry = JSON.parse(line) as Readonly<Record<string, unknown>>;
  const { level, time, msg = '' } = entry;
  const fields = Object.entries(entry).filter(([name]) => !HIDDEN.includes(name));
  const parts = [
    new Date(Number(time)).toLocaleTimeString('en-GB'),
    (LEVELS[Number(level)] ?? String(level)).padEnd(5),
    String(msg),
    ...(fields.length === 0
      ? []
      : [` ${fields.map(([name, value]) => `${name}=${valueText(value)}`).join(' ')}`]),
  ];
  return printable(parts.join(' '));
}

function valueText(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}
