import type { AnswerRecord } from '../../core/quality/answers/record.js';
import type { Answer } from './read.js';

/** Fields that every answer has: how long its prompt is, in bins that double; and the way it was asked. */
export const BY_LENGTH = 'tokensIn';
export const BY_WAY = 'way';

/**
 * @returns the group of an answer by a field of its task, by the way it was asked, or by the length of its
 *   prompt; null = it is in none.
 */
export function groupOf(field: string, { record, tokensIn }: Answer): string | null {
  if (field !== BY_LENGTH || Object.hasOwn(record.groups, field)) return wayOrGroup(record, field);
  if (tokensIn === null) return null;
  const from = tokensIn < 1 ? 0 : 2 ** Math.floor(Math.log2(tokensIn));
  return `${from} to ${Math.max(0, 2 * from - 1)}`;
}

/** @returns the group of a record by a field of its task, or the way it was asked; null = it is in none. */
export function wayOrGroup({ groups, asked }: AnswerRecord, field: string): string | null {
  return groups[field] ?? (field === BY_WAY ? (asked.way ?? null) : null);
}
