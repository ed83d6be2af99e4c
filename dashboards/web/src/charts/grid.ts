import type { Chart } from './chart.js';
import type { Extent } from './zoom.js';

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const GRID = { gridIndex: 0 };

/** @returns where the first grid of a chart is, in pixels; the library tells it only through its model. */
export function gridRect(chart: Chart): Rect | null {
  const inner = chart as unknown as {
    getModel(): {
      getComponent(kind: string, i: number): { coordinateSystem?: { getRect(): Rect } } | undefined;
    };
  };
  return inner.getModel()?.getComponent('grid', 0)?.coordinateSystem?.getRect() ?? null;
}

/** @returns what both axes show now, read off the corners of the grid. */
export function extentsOf(chart: Chart): { x: Extent; y: Extent } | null {
  const rect = gridRect(chart);
  return rect === null ? null : valuesOf(chart, rect);
}

/** @returns the values that a rectangle of pixels spans. */
export function valuesOf(chart: Chart, { x, y, width, height }: Rect): { x: Extent; y: Extent } {
  const [left = 0, bottom = 0] = chart.convertFromPixel(GRID, [x, y + height]) as number[];
  const [right = 0, top = 0] = chart.convertFromPixel(GRID, [x + width, y]) as number[];
  return { x: { low: left, high: right }, y: { low: bottom, high: top } };
}

/** @returns the pixel of a point, or null where it is out of view. */
export function pixelOf(chart: Chart, x: number, y: number): [number, number] | null {
  const [left = Number.NaN, top = Number.NaN] = chart.convertToPixel(GRID, [x, y]) as number[];
  return chart.containPixel(GRID, [left, top]) ? [left, top] : null;
}
