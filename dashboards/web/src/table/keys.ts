import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Row } from '../../../../report/rows.js';
import { ROW } from './in-view.js';

/** Rows beyond the ones in view that exist as well. */
const OVERSCAN = 8;
/** Rows that PageUp and PageDown pass. */
const PAGE = 15;

/** @returns the first row that exists, and the one behind the last: those in view and a few beyond. */
export function useRowsInView(
  scroller: { readonly current: HTMLElement | null },
  count: number,
): [number, number] {
  const [view, setView] = useState({ top: 0, height: 640 });
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const read = () => setView({ top: element.scrollTop, height: element.clientHeight });
    const watch = new ResizeObserver(read);
    watch.observe(element);
    element.addEventListener('scroll', read, { passive: true });
    return () => {
      watch.disconnect();
      element.removeEventListener('scroll', read);
    };
  }, []);
  return [
    Math.max(0, Math.floor(view.top / ROW) - OVERSCAN),
    Math.min(count, Math.ceil((view.top + view.height) / ROW) + OVERSCAN),
  ];
}

/** Moves the focus from row to row by keys; Enter opens a row, the space bar picks it. */
export function useRowKeys(
  scroller: { readonly current: HTMLElement | null },
  rows: readonly Row[],
  { onOpen, onToggle }: { onOpen(id: string): void; onToggle(id: string): void },
): {
  readonly focused: string | undefined;
  setFocus(id: string): void;
  onKeyDown(event: KeyboardEvent): void;
} {
  /** Experiment that keys are at; null = the first row. */
  const [focus, setFocus] = useState<string | null>(null);
  const wanted = useRef<number | null>(null);

  // A row that was far away exists only now.
  useLayoutEffect(() => {
    if (wanted.current === null || scroller.current === null) return;
    const row = rowAt(scroller.current, wanted.current);
    if (row === null) return;
    wanted.current = null;
    row.focus({ preventScroll: true });
  });

  const move = (to: number) => {
    const target = Math.max(0, Math.min(rows.length - 1, to));
    setFocus(rows[target]?.experimentId ?? null);
    const element = scroller.current;
    if (element === null) return;
    scrollTo(element, target);
    const row = rowAt(element, target);
    if (row === null) wanted.current = target;
    else row.focus();
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (!(event.target instanceof HTMLTableRowElement)) return;
    // The row that has the focus says where we are: keys can come faster than the page is drawn.
    const from = wanted.current ?? Number(event.target.dataset.index);
    const row = rows[from];
    const steps: Record<string, number> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: PAGE,
      PageUp: -PAGE,
      Home: -rows.length,
      End: rows.length,
    };
    const step = steps[event.key];
    if (step !== undefined) move(from + step);
    else if (event.key === 'Enter' && row !== undefined) onOpen(row.experimentId);
    else if (event.key === ' ' && row !== undefined) onToggle(row.experimentId);
    else return;
    event.preventDefault();
  };
  return { focused: focus ?? rows[0]?.experimentId, setFocus, onKeyDown };
}

/** Scrolls no farther than it takes to see a row under the heading. */
function scrollTo(element: HTMLElement, index: number): void {
  const head = element.querySelector('thead')?.clientHeight ?? 0;
  if (index * ROW < element.scrollTop) element.scrollTop = index * ROW;
  else if ((index + 1) * ROW + head > element.scrollTop + element.clientHeight) {
    element.scrollTop = (index + 1) * ROW + head - element.clientHeight;
  }
}

function rowAt(scroller: HTMLElement, index: number): HTMLElement | null {
  return scroller.querySelector<HTMLElement>(`tr[data-index="${index}"]`);
}
