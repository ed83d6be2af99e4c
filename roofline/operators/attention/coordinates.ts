import type { AttentionCall } from '../../../core/work/operator-call.js';
import { isWindowed, keysPerQuery } from '../causal.js';
import type { CallCoordinates } from '../family.js';
import type { Grid } from '../surface.js';

/**
 * What can run side by side, keys that a query sees, heads that share keys, length of a head. Of a prefill
 * what runs side by side are blocks of queries, of a decode the heads of the cache.
 */
export const GRID: Grid = [
  [1, 4, 16, 64, 256, 1024, 4096, 16384],
  [1, 8, 64, 256, 1024, 4096, 16384, 131072],
  [1, 2, 8, 16, 32, 48],
  [64, 128, 256],
];

/** Kernels take queries in blocks of so many. */
const BLOCK = 128;

export function coordinatesOf(call: AttentionCall): CallCoordinates {
  const { phase, format, cacheFormat, sequences, heads, kvHeads, headLength, newTokens } = call;
  const parallel = phase === 'decode' ? sequences * kvHeads : (sequences * heads * newTokens) / BLOCK;
  return {
    surface: `${phase} ${format} ${cacheFormat}${isWindowed(call) ? ' window' : ''}`,
    point: [parallel, keysPerQuery(call), heads / kvHeads, headLength],
  };
}

export const shapeOf = ({ phase, heads, kvHeads, headLength }: AttentionCall) =>
  `${phase} ${heads} ${kvHeads} ${headLength}`;
