import { getOrMake } from '../core/maps.js';
import { dominates } from '../judgement/pareto.js';
import type { Observation } from './history.js';
import { type Costs, hypervolume } from './hypervolume.js';
import { CORNER, isMeeting, unitCosts } from './order.js';

/** The newest share of the time spent; its gain decides whether the search continues. */
const GAIN_WINDOW = 0.25;
/** The fewest points that this part must contain; if fewer points add nothing, that proves little. */
const FEWEST_FOR_GAIN = 32;
/** Moments of the curve of a front. */
const CURVE = 32;
/**
 * A point is worth another start unless a better one is ahead by more than this many standard deviations of
 * the difference of two starts.
 */
const RACE = 2;
/** Assumed standard deviation of starts of one point, as a logarithm, until there are data. */
const USUAL_SPREAD = 0.05;

/** What one start of a point said. */
export interface Start {
  /** Null where an objective has no number. */
  readonly costs: Costs | null;
  /** The sum of its violations of bounds; null = a number is missing, which counts as a violation. */
  readonly violation: number | null;
  readonly seconds: number;
}

/** The volume under the front at a time of the search. */
export interface Grown {
  readonly deviceSeconds: number;
  /** As in SearchProgress, scaled by all points known now. */
  readonly hypervolume: number;
}

/** The points that were measured in full, and their front. */
export class Measured {
  readonly #points = new Map<number, Point>();

  /** In the order of their first start. */
  get all(): readonly Observation[] {
    return [...this.#points.values()];
  }

  get size(): number {
    return this.#points.size;
  }

  has(position: number): boolean {
    return this.#points.has(position);
  }

  /** @param since device-seconds of all trials so far. */
  add(position: number, digits: Int32Array, since: number, start: Start): void {
    getOrMake(this.#points, position, () => new Point(position, digits, since)).add(start);
  }

  /** Whether any point has numbers for all objectives. */
  get anyNumbered(): boolean {
    for (const { costs } of this.#points.values()) if (costs !== null) return true;
    return false;
  }

  /** Whether any other point keeps all bounds, is at least as good in all objectives, and better in one. */
  #anyDominates(costs: Costs, except: Observation): boolean {
    for (const one of this.#points.values())
      if (one !== except && isMeeting(one) && dominates(one.costs, costs)) return true;
    return false;
  }

  /**
   * @returns whether another start of a measured point could put it on the front, that is, whether no point
   *   is better by more than starts differ.
   */
  worthAnotherStart(position: number): boolean {
    const point = this.#points.get(position);
    if (point === undefined || point.costs === null || point.violation > 0) return false;
    const slack = this.#spread() * RACE * Math.sqrt(2 / point.starts);
    return !this.#anyDominates(
      point.costs.map((cost) => cost - slack),
      point,
    );
  }

  /**
   * Standard deviation of the costs of starts of one point, pooled over the points that have several starts.
   */
  #spread(): number {
    let sum = 0;
    let count = 0;
    for (const { squares, starts, costs } of this.#points.values()) {
      if (costs === null || starts < 2) continue;
      sum += squares / costs.length;
      count += starts - 1;
    }
    return count < 3 ? USUAL_SPREAD : Math.sqrt(sum / count);
  }

  /**
   * @returns how much the newest part of the device-seconds added to the volume under the front, as a share
   *   of it per hour; null while there are too few points.
   */
  gainPerHour(seconds: number): number | null {
    const newest = [...this.#points.values()].at(-FEWEST_FOR_GAIN - 1);
    if (newest === undefined) return null;
    const from = Math.min(seconds * (1 - GAIN_WINDOW), newest.since);
    const [before, now] = this.#coveredAt([from, seconds]) ?? [0, 0];
    if (now === 0) return null;
    return (now! - before!) / now! / ((seconds - from) / 3600);
  }

  /**
   * @returns how the front grew over the time spent, at equal distances and up to now; empty with fewer than
   *   two points.
   */
  curve(seconds: number): readonly Grown[] {
    const moments = Array.from({ length: CURVE }, (_, i) => ((i + 1) * seconds) / CURVE);
    const covered = this.#coveredAt(moments) ?? [];
    return covered.map((hypervolume, i) => ({ deviceSeconds: moments[i]!, hypervolume }));
  }

  /**
   * @param moments times, in device-seconds of all trials.
   * @returns the volume under the front at each of these times, as a share in the scale of all known points;
   *   null with fewer than two points.
   */
  #coveredAt(moments: readonly number[]): number[] | null {
    const numbered = [...this.#points.values()].filter(isMeeting);
    if (numbered.length < 2) return null;
    const scaled = unitCosts(numbered);
    const corner = scaled[0]!.map(() => CORNER);
    const whole = CORNER ** corner.length;
    return moments.map((moment) => {
      const known = scaled.filter((_, i) => numbered[i]!.since <= moment);
      return hypervolume(known, corner) / whole;
    });
  }
}

/** A point with the combined results of its starts. */
class Point implements Observation {
  readonly position: number;
  readonly digits: Int32Array;
  costs: Costs | null = null;
  violation = 0;
  starts = 0;
  seconds = 0;
  /** Sum of squares of its starts' costs about their mean, over all objectives. */
  squares = 0;
  /** Device-seconds of all trials when its first start ended. */
  readonly since: number;

  constructor(position: number, digits: Int32Array, since: number) {
    this.position = position;
    this.digits = digits;
    this.since = since;
  }

  add({ costs, violation, seconds }: Start): void {
    this.seconds += seconds;
    if (costs === null) return;
    this.starts += 1;
    const before = this.costs;
    this.costs = costs.map((cost, d) =>
      before === null ? cost : before[d]! + (cost - before[d]!) / this.starts,
    );
    // Welford's update.
    if (before !== null) {
      this.squares += costs.reduce((sum, cost, d) => sum + (cost - before[d]!) * (cost - this.costs![d]!), 0);
    }
    this.violation += ((violation ?? 1) - this.violation) / this.starts;
  }
}
