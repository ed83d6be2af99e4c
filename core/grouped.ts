/** @returns what is known by a key; where nothing is yet, it is made, and known from then on. */
export function keptIn<Key, Value>(
  known: { get(key: Key): Value | undefined; set(key: Key, value: Value): unknown },
  key: Key,
  make: () => NoInfer<Value>,
): Value {
  const before = known.get(key);
  if (before !== undefined) return before;
  const made = make();
  known.set(key, made);
  return made;
}

/** @returns items by what they have in common; groups in the order in which they begin. */
export function groupedBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) keptIn(groups, key(item), () => []).push(item);
  return groups;
}
