import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Row } from '../../../../report/rows.js';

/** Pixels; the style sheet says the same. Rows of one height make ten thousand of them cheap. */
export const ROW = 30;

/**
 * Keeps the rows that are in view where they are when results come in above them. Whoever sorts or filters
 * wants to see other rows, and so does whoever looks at the beginning.
 * @param sort,filter what the reader chose: other objects when it is something else
 */
export function useSameRowsInView(
  scroller: { readonly current: HTMLElement | null },
  rows: readonly Row[],
  sort: object,
  filter: object,
): void {
  const before = useRef({ rows, sort, filter });
  useLayoutEffect(() => {
    const { rows: old, ...choice } = before.current;
    before.current = { rows, sort, filter };
    const element = scroller.current;
    if (element === null || old === rows || choice.sort !== sort || choice.filter !== filter) return;
    const moved = shiftOf(old, rows, Math.floor(element.scrollTop / ROW));
    if (element.scrollTop >= ROW && moved !== 0) element.scrollTop += moved * ROW;
  });
}

/** @returns by how many places the row at `at` has moved down; 0 when it is gone. */
export function shiftOf(old: readonly Row[], rows: readonly Row[], at: number): number {
  const id = old[at]?.experimentId;
  if (id === undefined) return 0;
  // Few rows come at a time: it is near where it was.
  for (let by = 0; by < rows.length; by++) {
    if (rows[at + by]?.experimentId === id) return by;
    if (rows[at - by]?.experimentId === id) return -by;
  }
  return 0;
}
