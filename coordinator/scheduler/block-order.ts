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
 * Groups the points of a block by the file that they need, and within a file by the server, so that each is
 * loaded or started once in a block.
 *
 * Which points are in a block does not change. They are a random sample of the sweep, so that differences
 * between blocks (an hour, a neighbour, a temperature) meet every configuration alike.
 *
 * The order of points is random where nothing is shared. Otherwise groups come in the order in which the
 * first point of each was drawn, and points of a group as they were drawn. So what drifts within a block
 * meets groups instead of points (a split-plot design). The drift control at both ends of the block says how
 * much that is, and the next starts of a point come in other company and in the reverse order.
 *
 * One group is not where chance put it: the group that needs what the device has already. What the drift
 * control needs goes to the beginning and to the end by turns, so that over two blocks it is neither early
 * nor late.
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
