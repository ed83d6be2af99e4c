import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ResultRecord, resultSchema } from '../../core/result/result.js';

/** @returns a reading that went well. @throws Error that says what is wrong with one that did not */
export function sound<Reading extends { readonly ok: boolean }>(
  reading: Reading,
): Extract<Reading, { readonly ok: true }> {
  if (!reading.ok) throw new Error(JSON.stringify(reading));
  return reading as Extract<Reading, { readonly ok: true }>;
}

/** @returns the values of JSON lines. */
export function jsonLines<Line = Record<string, unknown>>(text: string): Line[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

/** @returns the records of a run's folder, each as its schema wants it. */
export function recordsIn(out: string, file = 'results.jsonl'): ResultRecord[] {
  return jsonLines(readFileSync(join(out, file), 'utf8')).map((line) => resultSchema.parse(line));
}
