/** Lists and records that a stranger wrote may stand in each other so deep. More takes the stack of whatever walks through them. */
export const MOST_NESTED = 100;

/** @returns whether lists and records stand in each other deeper than that. It looks no deeper itself. */
export function isNestedTooDeep(value: unknown, left = MOST_NESTED): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return left === 0 || Object.values(value).some((inner) => isNestedTooDeep(inner, left - 1));
}
