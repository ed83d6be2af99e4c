import type { Experiment } from '../../core/experiment/experiment.js';
import { groupBy } from '../../core/maps.js';
import { artifactOf, keptBetween } from '../../core/runners/index.js';

/**
 * What a trial has to wait for, the most expensive first: the file that is made of its base, and the server
 * that is started on that file.
 */
export type Needs = readonly string[];

export function needsOf(experiment: Experiment): Needs {
  return [artifactOf(experiment), keptBetween(experiment)].filter((need) => need !== null);
}

/** What a device has just then, and where in the block points that need the same go. */
export interface Beside {
  readonly needs: Needs;
  readonly at: 'first' | 'last';
}

/**
 * Puts those points of a block behind one another that need the same file, and among these those that need the same server, so that
 * each is loaded or started once a block.
 *
 * Which points are in a block is not touched: they are a random sample of the sweep, so that what differs between blocks (an
 * hour, a neighbour, a temperature) meets every configuration alike. Their order is random where nothing is shared, and otherwise in
 * groups: these come in the order in which the first of each was drawn, and their points as they were drawn. So what drifts within a
 * block meets groups instead of points (a split-plot design); the drift control at both ends of the block says how much that is, and the
 * next starts of a point come in other company and the other way round. The one group that is not where chance put it needs what the
 * device has anyway: what the drift control needs goes to the beginning and to the end by turns, so that over two blocks it is neither early nor late.
 * @param beside null = the device has nothing that points might need.
 */
export function inGroups(
  positions: readonly number[],
  needsAt: (position: number) => Needs,
  beside: Beside | null,
): number[] {
  const needs = new Map(positions.map((position) => [position, needsAt(position)]));
  const depth = Math.max(0, ...[...needs.values()].map(({ length }) => length));
  const grouped = (points: readonly number[], level: number, near: Beside | null): readonly number[] => {
    if (level === depth || points.length < 2) return points;
    const groups = groupBy<number, string | number>(points, (point) => needs.get(point)?.[level] ?? point);
    const shared = near?.needs[level] ?? null;
    const order = [...groups.keys()].filter((key) => key !== shared);
    if (shared !== null && groups.has(shared))
      near?.at === 'last' ? order.push(shared) : order.unshift(shared);
    return order.flatMap((key) => grouped(groups.get(key)!, level + 1, key === shared ? near : null));
  };
  return [...grouped(positions, 0, beside)];
}
