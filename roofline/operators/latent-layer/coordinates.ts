import type { LatentLayerCall } from '../../../core/work/operator-call.js';
import { keysPerQuery } from '../causal.js';
import type { CallCoordinates } from '../family.js';
import type { Grid } from '../surface.js';

/** New tokens of all sequences, keys before a query, heads. */
export const GRID: Grid = [
  [1, 4, 16, 64, 256, 1024, 8192, 65536],
  [1, 64, 512, 2048, 8192, 32768, 131072],
  [1, 8, 32, 128],
];

export function coordinatesOf(call: LatentLayerCall): CallCoordinates {
  const { phase, format, cacheFormat, index, sequences, newTokens, heads } = call;
  const choice = index === null ? 'dense' : index.computed ? 'indexed' : 'chosen before';
  return {
    surface: `${phase} ${choice} ${format} ${cacheFormat}`,
    point: [sequences * newTokens, keysPerQuery(call), heads],
  };
}

export const shapeOf = ({ phase, embedding, heads }: LatentLayerCall) => `${phase} ${embedding} ${heads}`;
