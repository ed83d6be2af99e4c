import type { CollectiveCall } from '../../../core/work/operator-call.js';
import type { CallCoordinates } from '../family.js';
import type { Grid } from '../surface.js';

/** Devices, elements. */
export const GRID: Grid = [[2, 4, 8, 16, 72], Array.from({ length: 12 }, (_, index) => 4 ** (index + 4))];

export const coordinatesOf = ({ operation, devices, elements }: CollectiveCall): CallCoordinates => ({
  surface: operation,
  point: [devices, elements],
});

/** Messages are what is unseen: devices come in three numbers. */
export const shapeOf = ({ elements }: CollectiveCall) => String(elements);
