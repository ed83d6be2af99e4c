import { getOrMake } from '../core/maps.js';
import { dominates } from '../judgement/pareto.js';
import type { Observation } from './history.js';
import { type Costs, hypervolume } from './hypervolume.js';
import { CORNER, isMeeting, unitCosts } from './order.js';

/** Of the time that was spent, the newest part whose gain decides. */
const GAIN_WINDOW = 0.25;
/** Points that were measured in it, at least: of fewer, that none added anything says little. */
const FEWEST_FOR_GAIN = 32;
/** Moments of the curve of a front. */
const CURVE = 32;
/** Standard deviations between two points of one start each before the worse one is not worth another. */
const RACE = 2;
/** What starts of one point differ by, as a logarithm, while nothing is known of that. */
const USUAL_SPREAD = 0.05;

/** What one start of a point said. */
export interface Start {
  /** Null where an objective has no number. */
  readonly costs: Costs | null;
  /** By how much it misses its bounds; null = one of them has no number, which counts as missed. */
  readonly violation: number | null;
  readonly seconds: number;
}

/** What the front covered when so much time was spent. */
export interface Grown {
  readonly deviceSeconds: number;
  /** As in SearchProgress, in the scale of all that is known now. */
  readonly hypervolume: number;
}

/** Points that were measured in full, and the front of them. */
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

  /** @param since device-seconds that all trials have taken now. */
  add(position: number, digits: Int32Array, since: number, start: Start): void {
    getOrMake(this.#points, position, () => new Point(position, digits, since)).add(start);
  }

  /** Whether one of them has a number of all objectives. */
  get anyNumbered(): boolean {
    for (const { costs } of this.#points.values()) if (costs !== null) return true;
    return false;
  }

  /** Whether one of them keeps all bounds, is at least as good in all objectives, and better in one. */
  #anyDominates(costs: Costs, except: Observation): boolean {
    for (const one of this.#points.values())
      if (one !== except && isMeeting(one) && dominates(one.costs, costs)) return true;
    return false;
  }

  /**
   * @returns whether another start of a measured point can change where it stands: it is not dominated by a
   *   point that is better by more than what starts differ by.
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
   * What starts of one point differ by, as a standard deviation of costs: pooled over the points that have
   * several.
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
   * @returns what the newest part of the device-seconds, of so many points at least, added to the volume
   *   under the front, as a share of it in an hour; null while too little is known to say.
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
   * @returns how the front grew with the time that was spent, equally far apart and up to now; empty without
   *   two points.
   */
  curve(seconds: number): readonly Grown[] {
    const moments = Array.from({ length: CURVE }, (_, i) => ((i + 1) * seconds) / CURVE);
    const covered = this.#coveredAt(moments) ?? [];
    return covered.map((hypervolume, i) => ({ deviceSeconds: moments[i]!, hypervolume }));
  }

  /**
   * @param moments in device-seconds that all trials had taken.
   * @returns the share of the volume that what was measured by each of them covers, in the scale of all that
   *   is known; null without two points.
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

/** A point with what its starts said together. */
class Point implements Observation {
  readonly position: number;
  readonly digits: Int32Array;
  costs: Costs | null = null;
  violation = 0;
  starts = 0;
  seconds = 0;
  /** Of its starts' costs about their mean, over all objectives. */
  squares = 0;
  /** Device-seconds that all trials had taken when its first one had ended. */
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
