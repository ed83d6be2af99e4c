/** @returns what it gives, or the other where it throws. */
export function orElse<T, U>(work: () => T, other: U): T | U {
  try {
    return work();
  } catch {
    return other;
  }
}
