import type { QuantizeCall } from '../../../core/work/operator-call.js';
import type { CallCoordinates } from '../family.js';
import type { Grid } from '../surface.js';

/** Rows, inputs. */
export const GRID: Grid = [
  [1, 16, 128, 512, 2048, 8192, 32768],
  [64, 512, 2048, 8192, 65536],
];

export const coordinatesOf = ({ format, rows, inputs }: QuantizeCall): CallCoordinates => ({
  surface: format,
  point: [rows, inputs],
});

export const shapeOf = ({ inputs }: QuantizeCall) => String(inputs);
