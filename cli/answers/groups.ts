import type { Answer } from './read.js';

/** A field that every answer has: how long its prompt is, in bins that double. */
export const BY_LENGTH = 'tokensIn';

/** @returns the group of an answer by a field of its task, or by the length of its prompt; null = it is in none. */
export function groupOf(field: string, { record, tokensIn }: Answer): string | null {
  if (field !== BY_LENGTH || Object.hasOwn(record.groups, field)) return record.groups[field] ?? null;
  if (tokensIn === null) return null;
  const from = tokensIn < 1 ? 0 : 2 ** Math.floor(Math.log2(tokensIn));
  return `${from} to ${Math.max(0, 2 * from - 1)}`;
}
