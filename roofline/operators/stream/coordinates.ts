import type { StreamCall } from '../../../core/work/operator-call.js';
import type { CallCoordinates } from '../family.js';
import type { Grid } from '../surface.js';

/** Bytes. */
export const GRID: Grid = [[1e4, 1e5, 3e5, 1e6, 3e6, 1e7, 3e7, 1e8, 3e8, 1e9]];

export const coordinatesOf = ({ bytes }: StreamCall): CallCoordinates => ({
  surface: 'bytes',
  point: [bytes],
});

export const shapeOf = ({ bytes }: StreamCall) => String(bytes);
