import type { ProductCall } from '../../../core/work/operator-call.js';
import type { CallCoordinates } from '../family.js';
import type { Grid } from '../surface.js';

const SIDES = [64, 256, 1024, 2048, 4096, 8192, 16384, 65536];

/** Rows, inputs, outputs. */
export const GRID: Grid = [[1, 4, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 32768], SIDES, SIDES];

export function coordinatesOf({ format, rows, inputs, outputs }: ProductCall): CallCoordinates {
  return { surface: format, point: [rows, inputs, outputs] };
}

export const shapeOf = ({ inputs, outputs }: ProductCall) => `${inputs} × ${outputs}`;
