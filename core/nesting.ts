/**
 * How deep lists and records of a stranger may be nested: a walk through deeper ones could overflow the
 * stack.
 */
export const MOST_NESTED = 100;

/** @returns whether a value is nested deeper than that. @param left levels that it may still have. */
export function isNestedTooDeep(value: unknown, left = MOST_NESTED): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return left === 0 || Object.values(value).some((inner) => isNestedTooDeep(inner, left - 1));
}
