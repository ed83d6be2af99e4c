import type { ExpertsCall } from '../../../core/work/operator-call.js';
import type { Family } from '../family.js';
import { inLikeFormats } from '../substitutes.js';
import { coordinatesOf, GRID, shapeOf } from './coordinates.js';
import { TABLES } from './table.js';
import { workOf } from './work.js';

export const EXPERTS: Family<ExpertsCall> = {
  name: 'experts',
  tables: TABLES,
  grid: GRID,
  longestLaunchSeconds: null,
  standIn: { engine: 0.51, device: 0.38, call: 0.4 },
  workOf,
  coordinatesOf,
  shapeOf,
  substitutesOf: inLikeFormats,
};
