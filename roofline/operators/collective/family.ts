import type { CollectiveCall } from '../../../core/work/operator-call.js';
import type { Family, Substitute } from '../family.js';
import { coordinatesOf, GRID, shapeOf } from './coordinates.js';
import { TABLES } from './table.js';
import { workOf } from './work.js';

/** In an all-gather of two each sends its half: a message is as long as half of one twice as large. */
const substitutesOf = (call: CollectiveCall): Substitute<CollectiveCall>[] =>
  call.operation === 'send'
    ? [
        {
          call: { ...call, operation: 'all-gather', devices: 2, elements: 2 * call.elements },
          difference: 'of an all-gather of two devices',
        },
      ]
    : [];

export const COLLECTIVE: Family<CollectiveCall> = {
  name: 'collective',
  tables: TABLES,
  grid: GRID,
  longestLaunchSeconds: null,
  standIn: { engine: 0.31, device: 0.34, call: 0.35 },
  workOf,
  coordinatesOf,
  shapeOf,
  substitutesOf,
};
