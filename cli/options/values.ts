import { InvalidArgumentError } from 'commander';

/** What commands that take a sweep say of it. */
export const SWEEP_ARGUMENT = 'sweep file (YAML), or a model: the sweep of this model with every default';

/** For commands that run a sweep. */
export const STRICT_OPTION = [
  '--strict',
  'disturbed rows are invalid and tried again, as for publication (`measure.gates: strict`)',
] as const;

/** Gathers a repeatable option into a list. */
export function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

/** @throws InvalidArgumentError unless the text is a whole number above zero. */
export function positiveInteger(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a whole number above 0.');
  return Number(text);
}

/** @throws InvalidArgumentError unless the text is a whole number from 0 on that fits into 32 bits. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) >= 2 ** 32)
    throw new InvalidArgumentError('It must be a whole number from 0 to 4294967295.');
  return Number(text);
}

/** @throws InvalidArgumentError unless the text is a decimal number above zero. */
export function positiveNumber(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (value <= 0) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

/** @throws InvalidArgumentError unless the text is a whole number from -1000 to 1000. */
export function priority(text: string): number {
  const value = /^-?\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (!(Math.abs(value) <= 1000))
    throw new InvalidArgumentError('It must be a whole number from -1000 to 1000.');
  return value;
}

/**
 * @returns a share of 1. @throws InvalidArgumentError unless the text is a percentage above 0 and below 50.
 */
export function percentage(text: string): number {
  const percent = /^\d+(\.\d+)?%$/.test(text) ? Number(text.slice(0, -1)) : 0;
  if (percent <= 0 || percent >= 50)
    throw new InvalidArgumentError('It must be a percentage above 0 and below 50, such as 1% or 0.1%.');
  return percent / 100;
}

const UNITS: Readonly<Record<string, number>> = { s: 1, min: 60, h: 3600 };

/**
 * @returns seconds.
 * @throws InvalidArgumentError unless the text is a time above zero, such as 90s, 10min or 1h.
 */
export function duration(text: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)(s|min|h)$/.exec(text) ?? [];
  const seconds = Number(number) * (UNITS[unit] ?? 0);
  if (seconds <= 0) throw new InvalidArgumentError('It must be a time above 0, such as 90s, 10min or 1h.');
  return seconds;
}
