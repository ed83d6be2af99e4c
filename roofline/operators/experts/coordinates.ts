import type { ExpertsCall } from '../../../core/work/operator-call.js';
import type { CallCoordinates } from '../family.js';
import type { Grid } from '../surface.js';
import { activeExperts, pairsOf } from './work.js';

/** Tokens an active expert gets, active experts, width of an expert here, embedding, devices of experts. */
export const GRID: Grid = [
  [1, 2, 4, 16, 64, 256, 1024, 8192],
  [1, 4, 16, 64, 256],
  [64, 256, 1024, 4096],
  [2048, 7168],
  [1, 4, 16, 64, 256],
];

export function coordinatesOf(call: ExpertsCall): CallCoordinates {
  const active = activeExperts(call);
  return {
    surface: call.format,
    point: [pairsOf(call) / active, active, call.width / call.tensor, call.embedding, call.expert],
  };
}

export const shapeOf = ({ embedding, width, used, count }: ExpertsCall) =>
  `${embedding} ${width} ${used} of ${count}`;
