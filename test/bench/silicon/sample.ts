import { createHash } from 'node:crypto';
import { groupBy } from '../../../core/maps.js';
import type { SiliconPoint } from './points.js';

/** Points of each model, device and engine that another predictor is asked about, too. */
const MOST_OF_A_CELL = 20;

/**
 * The points that are put beside the predictor of the data's makers: of each model, device and engine the
 * first by a digest of their ids, in turns, so that a part of the list is a fair sample already.
 */
export function fixedSample(points: readonly SiliconPoint[]): SiliconPoint[] {
  const cells = groupBy(points, ({ model, device, engine }) => `${model.name} ${device} ${engine}`);
  const chosen = [...cells.values()].map((cell) =>
    cell
      .map((point) => ({ point, at: createHash('sha256').update(point.id).digest('hex') }))
      .sort((a, b) => (a.at < b.at ? -1 : 1))
      .slice(0, MOST_OF_A_CELL)
      .map(({ point }) => point),
  );
  return Array.from({ length: MOST_OF_A_CELL }, (_, i) =>
    chosen.flatMap((cell) => (cell[i] === undefined ? [] : [cell[i]])),
  ).flat();
}
