import type { HeadProductCall } from '../../../core/work/operator-call.js';
import type { CallCoordinates } from '../family.js';
import type { Grid } from '../surface.js';

/** Rows, heads, inputs. */
export const GRID: Grid = [
  [1, 16, 64, 256, 1024, 4096, 16384],
  [1, 4, 16, 64, 128],
  [128, 512],
];

export const coordinatesOf = ({ format, rows, heads, inputs }: HeadProductCall): CallCoordinates => ({
  surface: format,
  point: [rows, heads, inputs],
});

export const shapeOf = ({ heads }: HeadProductCall) => String(heads);
