import { useRef } from 'preact/hooks';

/** @returns the list of before where this one holds the same things: what depends on it is not made again. */
export function useSame<T>(list: readonly T[]): readonly T[] {
  const before = useRef(list);
  const same = list.length === before.current.length && list.every((one, i) => one === before.current[i]);
  if (!same) before.current = list;
  return before.current;
}
