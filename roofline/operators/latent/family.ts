import type { LatentCall } from '../../../core/work/operator-call.js';
import type { Family, Substitute } from '../family.js';
import { coordinatesOf, GRID, shapeOf } from './coordinates.js';
import { TABLES } from './table.js';
import { workOf } from './work.js';

/** A cache of another format is read as its bytes say. */
function substitutesOf(call: LatentCall): Substitute<LatentCall>[] {
  const in16 = { ...call, format: 'bf16' as const };
  return [
    ...(call.format === 'bf16' ? [] : [{ call: in16, difference: 'of products in bf16' }]),
    ...(call.cacheFormat === 'bf16'
      ? []
      : [{ call: { ...in16, cacheFormat: 'bf16' as const }, difference: 'of a cache in bf16' }]),
  ];
}

export const LATENT: Family<LatentCall> = {
  name: 'latent',
  tables: TABLES,
  grid: GRID,
  longestLaunchSeconds: null,
  standIn: { engine: 0.1, device: 0.36, call: 0.14 },
  workOf,
  coordinatesOf,
  shapeOf,
  substitutesOf,
};
