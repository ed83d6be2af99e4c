import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

/** What a reader does with hand or keys; the page's own scrolling is none of it. */
const INPUTS = ['wheel', 'keydown', 'pointerdown', 'pointermove', 'touchmove', 'input'] as const;

let last = Number.NEGATIVE_INFINITY;
for (const input of INPUTS) {
  window.addEventListener(
    input,
    () => {
      last = performance.now();
    },
    { capture: true, passive: true },
  );
}

/** Fewer rows than this are drawn as fast as somebody types, or results come. */
const MANY = 500;
/** What the reader chose is drawn when they have paused. */
const PAUSE_MILLISECONDS = 140;
/** New results are drawn together, at most this often, while the reader's hand rests … */
const PACE_MILLISECONDS = 2_000;
const REST_MILLISECONDS = 400;
/** … or when they have waited this long. */
const LONGEST_MILLISECONDS = 10_000;

/** Two plots are not drawn in one frame: each may take most of it. */
const APART_MILLISECONDS = 100;
let lastDrawn = Number.NEGATIVE_INFINITY;

interface PacedProps<T> {
  readonly value: T;
  /** Another object whenever the reader has chosen something else. */
  readonly choice: unknown;
  readonly rows: number;
  children(value: T): ComponentChildren;
}

/**
 * Draws thousands of points at their own pace, and only where they can be seen: the table follows every key
 * and every result, and waits for no plot. Its child is its place on the page.
 */
export function Paced<T>({ value, choice, rows, children }: PacedProps<T>) {
  const [drawings, setDrawings] = useState(0);
  const shown = useRef({ value, choice });
  const [seen, setSeen] = useState(true);
  const place = useRef<HTMLDivElement>(null);
  const due = useRef(0);
  const latest = useRef({ value, choice });
  latest.current = { value, choice };
  useInView(place, setSeen);
  const many = rows > MANY;
  if (!many) shown.current = latest.current;
  const behind = shown.current.value !== value;
  const chosen = shown.current.choice !== choice;
  useEffect(() => {
    if (!behind || !many || !seen) return;
    const end = performance.now() + LONGEST_MILLISECONDS;
    let timer: ReturnType<typeof setTimeout>;
    const draw = (): void => {
      const now = performance.now();
      const tired = now - last >= REST_MILLISECONDS || now > end;
      if (!chosen && !tired) {
        timer = setTimeout(draw, REST_MILLISECONDS / 2);
        return;
      }
      if (performance.now() - lastDrawn < APART_MILLISECONDS) {
        timer = setTimeout(draw, APART_MILLISECONDS / 2);
        return;
      }
      lastDrawn = performance.now();
      due.current = lastDrawn + PACE_MILLISECONDS;
      shown.current = latest.current;
      setDrawings((n) => n + 1);
    };
    timer = setTimeout(draw, chosen ? PAUSE_MILLISECONDS : Math.max(0, due.current - performance.now()));
    return () => clearTimeout(timer);
    // A newer result does not put off the drawing of an older one; another choice does. What came while it
    // was drawn waits anew.
  }, [behind, many, seen, chosen && choice, drawings]);
  return (
    <div class="paced" ref={place}>
      {children(shown.current.value)}
    </div>
  );
}

/** Tells whether the child of a box without a place of its own is in the window, or nearly. */
function useInView(box: { readonly current: HTMLDivElement | null }, tell: (seen: boolean) => void): void {
  const watch = useRef<IntersectionObserver | null>(null);
  const watched = useRef<Element | null>(null);
  useLayoutEffect(() => {
    const child = box.current?.firstElementChild ?? null;
    if (child === watched.current) return;
    watch.current?.disconnect();
    watched.current = child;
    watch.current = null;
    if (child === null) return tell(true);
    watch.current = new IntersectionObserver((all) => tell(all.at(-1)?.isIntersecting ?? true), {
      rootMargin: '100px',
    });
    watch.current.observe(child);
  });
  useEffect(() => () => watch.current?.disconnect(), []);
}
