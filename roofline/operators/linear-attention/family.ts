import type { LinearAttentionCall } from '../../../core/work/operator-call.js';
import type { Family, Substitute } from '../family.js';
import { coordinatesOf, GRID, shapeOf } from './coordinates.js';
import { TABLES } from './table.js';
import { workOf } from './work.js';

/** Other rules go over a state of the same size. */
const substitutesOf = (call: LinearAttentionCall): Substitute<LinearAttentionCall>[] =>
  call.rule === 'gated-delta'
    ? []
    : [{ call: { ...call, rule: 'gated-delta' }, difference: 'of the gated delta rule' }];

export const LINEAR_ATTENTION: Family<LinearAttentionCall> = {
  name: 'linear-attention',
  tables: TABLES,
  grid: GRID,
  longestLaunchSeconds: null,
  standIn: { engine: 0.31, device: 0.26, call: 0.4 },
  workOf,
  coordinatesOf,
  shapeOf,
  substitutesOf,
};
