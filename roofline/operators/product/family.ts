import type { ProductCall } from '../../../core/work/operator-call.js';
import type { Family } from '../family.js';
import { inLikeFormats } from '../substitutes.js';
import { coordinatesOf, GRID, shapeOf } from './coordinates.js';
import { TABLES } from './table.js';
import { workOf } from './work.js';

export const PRODUCT: Family<ProductCall> = {
  name: 'product',
  tables: TABLES,
  grid: GRID,
  // A kernel is launched in a few microseconds, in a captured graph in fewer.
  longestLaunchSeconds: 40e-6,
  standIn: { engine: 0.16, device: 0.19, call: 0.35 },
  workOf,
  coordinatesOf,
  shapeOf,
  substitutesOf: inLikeFormats,
};
