/** @returns what is there for a key; what is not is made, and kept there. */
export function getOrMake<Key, Value>(
  there: { get(key: Key): Value | undefined; set(key: Key, value: Value): unknown },
  key: Key,
  make: () => NoInfer<Value>,
): Value {
  const known = there.get(key);
  if (known !== undefined) return known;
  const made = make();
  there.set(key, made);
  return made;
}

/**
 * @returns the items of each key, keys in the order in which they come: `Map.groupBy`, which Node.js 20 does
 *   not have.
 */
export function groupBy<Item, Key>(items: Iterable<Item>, keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) getOrMake(groups, keyOf(item), () => []).push(item);
  return groups;
}
