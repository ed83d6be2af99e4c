import type { StreamCall } from '../../../core/work/operator-call.js';
import type { Family } from '../family.js';
import { coordinatesOf, GRID, shapeOf } from './coordinates.js';
import { TABLES } from './table.js';
import { workOf } from './work.js';

export const STREAM: Family<StreamCall> = {
  name: 'stream',
  tables: TABLES,
  grid: GRID,
  longestLaunchSeconds: null,
  standIn: { engine: 0.1, device: 0.15, call: 0.2 },
  workOf,
  coordinatesOf,
  shapeOf,
  substitutesOf: () => [],
};
