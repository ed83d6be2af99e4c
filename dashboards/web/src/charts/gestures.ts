import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Chart } from './chart.js';
import { gridRect, type Rect, valuesOf } from './grid.js';
import type { Zoom } from './zoom.js';

interface Gestures {
  /** What was spanned; null for an axis that was spanned whole. */
  onSpan(zoom: Zoom): void;
  /** `at`: shares of the axes that stand still. */
  onScale(factor: number, atX: number, atY: number): void;
}

type Pixel = readonly [x: number, y: number];

/** A pointer that moved less than this meant a click. */
const CLICK = 6;
/** A rectangle flatter than this is about one axis only. */
const FLAT = 14;

/**
 * Dragging spans a rectangle, which becomes the view; the wheel with Ctrl zooms about the pointer and without
 * it scrolls the page, as everywhere.
 * @returns the rectangle in pixels while it is dragged.
 */
export function useZoomGestures(
  frame: RefObject<HTMLDivElement | null>,
  chart: RefObject<Chart | null>,
  gestures: Gestures,
): Rect | null {
  const [band, setBand] = useState<Rect | null>(null);
  const latest = useRef(gestures);
  latest.current = gestures;
  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    let start: Pixel | null = null;
    let spanned: Rect | null = null;
    const place = (event: MouseEvent): Pixel => {
      const box = element.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    const grid = () => (chart.current === null ? null : gridRect(chart.current));
    const stop = () => {
      start = null;
      spanned = null;
      setBand(null);
    };
    const onPointerDown = (event: PointerEvent) => {
      const at = place(event);
      const rect = grid();
      if (event.button === 0 && rect !== null && isInside(rect, at)) start = at;
    };
    const move = (event: PointerEvent) => {
      const rect = grid();
      if (start === null || rect === null) return;
      if (event.buttons === 0) return stop();
      const at = place(event);
      if (spanned === null && Math.hypot(at[0] - start[0], at[1] - start[1]) < CLICK) return;
      if (spanned === null) element.setPointerCapture(event.pointerId);
      spanned = bandOf(start, at, rect);
      setBand(spanned);
    };
    const onPointerUp = () => {
      const rect = grid();
      if (spanned !== null && rect !== null && chart.current !== null) {
        const { x, y } = valuesOf(chart.current, spanned);
        latest.current.onSpan({
          x: spanned.width >= rect.width ? null : x,
          y: spanned.height >= rect.height ? null : y,
        });
      }
      stop();
    };
    const wheel = (event: WheelEvent) => {
      const rect = grid();
      if (!event.ctrlKey || rect === null) return;
      event.preventDefault();
      const [x, y] = place(event);
      const share = (v: number) => Math.min(1, Math.max(0, v));
      const factor = Math.exp(Math.max(-0.5, Math.min(0.5, event.deltaY / 400)));
      latest.current.onScale(factor, share((x - rect.x) / rect.width), share(1 - (y - rect.y) / rect.height));
    };
    element.addEventListener('pointerdown', onPointerDown);
    element.addEventListener('pointermove', move);
    element.addEventListener('pointerup', onPointerUp);
    element.addEventListener('pointercancel', stop);
    element.addEventListener('wheel', wheel, { passive: false });
    return () => {
      element.removeEventListener('pointerdown', onPointerDown);
      element.removeEventListener('pointermove', move);
      element.removeEventListener('pointerup', onPointerUp);
      element.removeEventListener('pointercancel', stop);
      element.removeEventListener('wheel', wheel);
    };
  }, []);
  return band;
}

function isInside({ x, y, width, height }: Rect, [left, top]: Pixel): boolean {
  return left >= x && left <= x + width && top >= y && top <= y + height;
}

function bandOf(from: Pixel, to: Pixel, rect: Rect): Rect {
  const clamp = (v: number, low: number, length: number) => Math.min(low + length, Math.max(low, v));
  const [a, b] = [from, to].map(
    ([x, y]): Pixel => [clamp(x, rect.x, rect.width), clamp(y, rect.y, rect.height)],
  ) as [Pixel, Pixel];
  const band = {
    x: Math.min(a[0], b[0]),
    y: Math.min(a[1], b[1]),
    width: Math.abs(a[0] - b[0]),
    height: Math.abs(a[1] - b[1]),
  };
  // A stroke along one axis leaves the other as it is, and the rectangle shows that.
  if (band.height < FLAT && band.width >= FLAT) return { ...band, y: rect.y, height: rect.height };
  if (band.width < FLAT && band.height >= FLAT) return { ...band, x: rect.x, width: rect.width };
  return band;
}
