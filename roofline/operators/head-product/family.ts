import type { HeadProductCall } from '../../../core/work/operator-call.js';
import type { Family } from '../family.js';
import { inLikeFormats } from '../substitutes.js';
import { coordinatesOf, GRID, shapeOf } from './coordinates.js';
import { TABLES } from './table.js';
import { workOf } from './work.js';

export const HEAD_PRODUCT: Family<HeadProductCall> = {
  name: 'head-product',
  tables: TABLES,
  grid: GRID,
  longestLaunchSeconds: null,
  standIn: { engine: 0.05, device: 0.17, call: 0.2 },
  workOf,
  coordinatesOf,
  shapeOf,
  substitutesOf: inLikeFormats,
};
