import type { LinearAttentionCall } from '../../../core/work/operator-call.js';
import type { CallCoordinates } from '../family.js';
import type { Grid } from '../surface.js';

/** New tokens of one sequence, sequences, heads of values. */
export const GRID: Grid = [
  [1, 16, 128, 1024, 8192, 32768],
  [1, 4, 16, 64, 256, 1024],
  [2, 8, 32, 128],
];

export function coordinatesOf(call: LinearAttentionCall): CallCoordinates {
  const { rule, kernel, phase, newTokens, sequences, valueHeads } = call;
  return { surface: `${phase} ${rule} ${kernel}`, point: [newTokens, sequences, valueHeads] };
}

export const shapeOf = ({ keyHeads, valueHeads }: LinearAttentionCall) => `${keyHeads} ${valueHeads}`;
