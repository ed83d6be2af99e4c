import type { LatentCall } from '../../../core/work/operator-call.js';
import { keysPerQuery } from '../causal.js';
import type { CallCoordinates } from '../family.js';
import type { Grid } from '../surface.js';

/** New tokens of all sequences, keys that a query sees, heads. */
export const GRID: Grid = [
  [1, 4, 16, 64, 256, 1024, 8192, 65536],
  [1, 64, 512, 4096, 32768, 131072],
  [1, 8, 32, 128],
];

export function coordinatesOf(call: LatentCall): CallCoordinates {
  const { phase, way, format, cacheFormat, sequences, newTokens, heads } = call;
  return {
    surface: `${phase} ${way} ${format} ${cacheFormat}`,
    point: [sequences * newTokens, keysPerQuery(call), heads],
  };
}

export const shapeOf = ({ phase, heads }: LatentCall) => `${phase} ${heads}`;
