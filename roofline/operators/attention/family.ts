import type { AttentionCall } from '../../../core/work/operator-call.js';
import { isWindowed } from '../causal.js';
import type { Family, Substitute } from '../family.js';
import { coordinatesOf, GRID, shapeOf } from './coordinates.js';
import { TABLES } from './table.js';
import { workOf } from './work.js';

/** A cache of another format is read as its bytes say, and a window ends what a query sees. */
function substitutesOf(call: AttentionCall): Substitute<AttentionCall>[] {
  const whole = { ...call, window: null };
  const in16 = { ...call, format: 'bf16' as const };
  const plain = { ...in16, cacheFormat: 'bf16' as const };
  return [
    ...(isWindowed(call) ? [{ call: whole, difference: 'without a window' }] : []),
    ...(call.format === 'bf16' ? [] : [{ call: in16, difference: 'of products in bf16' }]),
    ...(call.cacheFormat === 'bf16' ? [] : [{ call: plain, difference: 'of a cache in bf16' }]),
    ...(isWindowed(call)
      ? [{ call: { ...plain, window: null }, difference: 'in bf16 without a window' }]
      : []),
  ];
}

export const ATTENTION: Family<AttentionCall> = {
  name: 'attention',
  tables: TABLES,
  grid: GRID,
  longestLaunchSeconds: null,
  standIn: { engine: 0.42, device: 0.31, call: 0.47 },
  workOf,
  coordinatesOf,
  shapeOf,
  substitutesOf,
};
