import { useRef } from 'preact/hooks';
import { sameItems } from '../../../core/same.js';

/** @returns the list of before where this one holds the same things: what depends on it is not made again. */
export function useSame<T>(list: readonly T[]): readonly T[] {
  const before = useRef(list);
  if (!sameItems(list, before.current)) before.current = list;
  return before.current;
}
