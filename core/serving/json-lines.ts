import { orElse } from '../or-else.js';
import { quote } from '../quote.js';

export type Fields = Readonly<Record<string, unknown>>;

/**
 * Yields, for each line of a file with a JSON object per line, its number and its fields, or what is wrong
 * with it.
 */
export function* jsonLines(text: string): Generator<readonly [number, Fields | string]> {
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const value: unknown = orElse(() => JSON.parse(line), null);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    const wrong = `Line ${index + 1} is no JSON object: ${quote(line.trim())}.`;
    yield [index + 1, isObject ? (value as Fields) : wrong];
  }
}

/** @returns whether it is a number of tokens, at least one. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}
