import type { Observation } from './history.js';
import { type Costs, contributions, frontRanks } from './hypervolume.js';

/** A measured point that has all of its numbers. */
export type Numbered = Observation & { readonly costs: Costs };

/** @returns whether a point has all of its numbers and meets all constraints. */
export const isMeeting = <T extends Pick<Observation, 'costs' | 'violation'>>(
  one: T,
): one is T & { readonly costs: Costs } => one.costs !== null && one.violation === 0;

/**
 * The reference corner of volumes in each objective, where the best point is 0 and the worst 1. It is beyond
 * 1 so that the worst points add something, too.
 */
export const CORNER = 1.1;

/**
 * Sorts observations from best to worst. Those that meet the constraints come first, ordered by their front
 * (how many fronts are before it) and within a front by the volume that each adds to it. Then come those that
 * violate constraints, the smallest violation first, and then failures.
 * @param most how many of the first ones need an order; fronts after these are not sorted by volume.
 * @param matters which observations need an order; a front without any of them is not sorted by volume
 *   either.
 */
export function ranked(
  observations: readonly Observation[],
  most = observations.length,
  matters: (one: Observation) => boolean = () => true,
): Observation[] {
  const meeting = observations.filter(isMeeting);
  const missing = observations.filter(({ costs, violation }) => costs !== null && violation > 0);
  const failed = observations.filter(({ costs }) => costs === null);
  const scaled = unitCosts(meeting);
  const ranks = frontRanks(scaled);
  const fronts: number[][] = [];
  for (const [i, rank] of ranks.entries()) {
    fronts[rank] ??= [];
    fronts[rank].push(i);
  }
  const sorted: number[] = [];
  for (const front of fronts) {
    const counts = sorted.length < most && front.some((i) => matters(meeting[i]!));
    sorted.push(...(counts ? byVolume(front, scaled) : front));
  }
  return [...sorted.map((i) => meeting[i]!), ...missing.sort((a, b) => a.violation - b.violation), ...failed];
}

/** @returns those that meet all constraints and that no other one of these dominates. */
export function frontOf(observations: readonly Observation[]): Numbered[] {
  const meeting = observations.filter(isMeeting);
  const ranks = frontRanks(meeting.map(({ costs }) => costs));
  return meeting.filter((_, i) => ranks[i] === 0);
}

/** @returns the points of a front, beginning with the one that adds the most volume. */
function byVolume(front: readonly number[], scaled: readonly Costs[]): number[] {
  const costs = front.map((i) => scaled[i]!);
  const added = contributions(
    costs,
    costs[0]!.map(() => CORNER),
  );
  return front
    .map((i, at) => ({ i, added: added[at]! }))
    .sort((a, b) => b.added - a.added || a.i - b.i)
    .map(({ i }) => i);
}

/** @returns the costs of points between the best, 0, and the worst, 1, of each objective. */
export function unitCosts(points: readonly Numbered[]): Costs[] {
  const scaled = unitScale(points);
  return points.map(({ costs }) => scaled(costs));
}

/**
 * @returns a function that scales costs in each objective, so that the best of these points is 0 and the
 *   worst 1.
 */
export function unitScale(points: readonly Numbered[]): (costs: Costs) => Costs {
  const lows = [...(points[0]?.costs ?? [])];
  const highs = [...lows];
  for (const { costs } of points) {
    for (const [d, cost] of costs.entries()) {
      lows[d] = Math.min(lows[d]!, cost);
      highs[d] = Math.max(highs[d]!, cost);
    }
  }
  return (costs) =>
    costs.map((cost, d) => (highs[d]! > lows[d]! ? (cost - lows[d]!) / (highs[d]! - lows[d]!) : 0));
}

/** @returns at most `most` of the items, evenly spaced in their order. */
export function spread<T>(items: readonly T[], most: number): T[] {
  if (items.length <= most) return [...items];
  return Array.from({ length: most }, (_, i) => items[Math.floor(((i + 0.5) * items.length) / most)]!);
}
