import { dominates } from '../judgement/pareto.js';

/** The cost of a point in each objective; smaller is better. */
export type Costs = readonly number[];

/**
 * The volume that points dominate below a reference point: a measure of how good a set of configurations is
 * in all objectives together (Zitzler and Thiele, IEEE Trans. Evol. Comput. 3(4), 1999). Two objectives take
 * one pass over the sorted front; more are sliced along the last one (While et al., "A Faster Algorithm for
 * Calculating Hypervolume", 2006: HSO).
 * @param reference costs of the corner; a point that is not better than it in every objective adds nothing.
 * @returns the volume, in the product of the objectives' units; 0 without points.
 */
export function hypervolume(points: readonly Costs[], reference: Costs): number {
  const inside = points.filter((point) => point.every((cost, d) => cost < reference[d]!));
  if (inside.length === 0) return 0;
  return volume(undominated(inside), reference, reference.length);
}

/** @returns the points that no other one dominates; of equal points only one. */
export function undominated(points: readonly Costs[]): Costs[] {
  const sorted = [...points].sort(byCosts);
  const front: Costs[] = [];
  for (const point of sorted) {
    // Sorted, a point can only be dominated by one before it.
    if (!front.some((other) => dominates(other, point) || byCosts(other, point) === 0)) front.push(point);
  }
  return front;
}

function byCosts(a: Costs, b: Costs): number {
  for (let d = 0; d < a.length; d++) {
    const difference = a[d]! - b[d]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/** @param dimensions only the first so many objectives count. */
function volume(front: readonly Costs[], reference: Costs, dimensions: number): number {
  if (front.length === 0) return 0;
  if (dimensions === 1) return reference[0]! - Math.min(...front.map((point) => point[0]!));
  if (dimensions === 2) return area(front, reference);
  const last = dimensions - 1;
  const sorted = [...front].sort((a, b) => a[last]! - b[last]!);
  let sum = 0;
  for (let i = 0; i < sorted.length; i++) {
    const depth = (sorted[i + 1]?.[last] ?? reference[last]!) - sorted[i]![last]!;
    if (depth <= 0) continue;
    const slice = undominated(sorted.slice(0, i + 1).map((point) => point.slice(0, last)));
    sum += depth * volume(slice, reference, last);
  }
  return sum;
}

function area(front: readonly Costs[], reference: Costs): number {
  const sorted = [...front].sort(byCosts);
  let sum = 0;
  let ceiling = reference[1]!;
  for (const [first, second] of sorted as [number, number][]) {
    if (second >= ceiling) continue;
    sum += (reference[0]! - first) * (ceiling - second);
    ceiling = second;
  }
  return sum;
}

/**
 * The volume that the front would lose without each point, if no dominated point took its place: the point's
 * own box, minus the part that others cover, which only few of them limit (While et al., IEEE Trans. Evol.
 * Comput. 16(1), 2012: exclusive hypervolume).
 * @returns a volume for each point, 0 for dominated ones.
 */
export function contributions(points: readonly Costs[], reference: Costs): number[] {
  if (reference.length === 2) return strips(points, reference);
  const front = undominated(points);
  return points.map((point) => {
    const others = front.filter((other) => byCosts(other, point) !== 0);
    if (others.length === front.length) return 0;
    return addedTo(others, point, reference);
  });
}

/** @returns the volume that a further point adds to that of the others. */
export function addedTo(others: readonly Costs[], point: Costs, reference: Costs): number {
  const within = others.map((other) => other.map((cost, d) => Math.max(cost, point[d]!)));
  return hypervolume([point], reference) - hypervolume(within, reference);
}

/**
 * The same for two objectives, where the part that only one point of the front covers is the rectangle
 * between its neighbours.
 */
function strips(points: readonly Costs[], reference: Costs): number[] {
  const added = new Array<number>(points.length).fill(0);
  const order = points.map((_, i) => i).sort((a, b) => byCosts(points[a]!, points[b]!));
  let least = reference[1]!;
  const front = order.filter((i) => {
    const stands = points[i]![1]! < least && points[i]![0]! < reference[0]!;
    if (stands) least = points[i]![1]!;
    return stands;
  });
  for (const [at, i] of front.entries()) {
    const right = points[front[at + 1] ?? -1]?.[0] ?? reference[0]!;
    const above = points[front[at - 1] ?? -1]?.[1] ?? reference[1]!;
    added[i] = (right - points[i]![0]!) * (above - points[i]![1]!);
  }
  return added;
}

/**
 * @returns the index of each point's front: 0 for points that no other dominates, 1 for those that only
 *   points of front 0 dominate, … (Deb et al., IEEE Trans. Evol. Comput. 6(2), 2002). Two objectives take O(n
 *   log n), since the smallest second cost of each front decides.
 */
export function frontRanks(points: readonly Costs[]): number[] {
  const ranks = new Array<number>(points.length).fill(0);
  const order = points.map((_, i) => i).sort((a, b) => byCosts(points[a]!, points[b]!));
  const fronts: number[][] = [];
  const two = points[0]?.length === 2;
  for (const i of order) {
    // Points are sorted, so with two objectives only the newest point of a front needs to be compared.
    const stands = (front: readonly number[]) =>
      two
        ? !dominates(points[front.at(-1)!]!, points[i]!)
        : !front.some((other) => dominates(points[other]!, points[i]!));
    let low = 0;
    let high = fronts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (stands(fronts[middle]!)) high = middle;
      else low = middle + 1;
    }
    ranks[i] = low;
    fronts[low] ??= [];
    fronts[low]!.push(i);
  }
  return ranks;
}
