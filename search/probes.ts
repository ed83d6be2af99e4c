import { dominates } from '../core/judgement/pareto.js';
import { median } from '../core/statistics/quantile.js';
import { moments } from '../core/statistics/summary.js';
import type { Observation, Prediction } from './history.js';
import type { Costs } from './hypervolume.js';
import { ranked } from './order.js';

/** One in so many probed points is measured in full while others are probed. */
const REDUCTION = 3;
/** Standard deviations by which a probe has to be beaten. */
const BAND = 2;
/** Standard deviation between a point's probe and its full measurement, as a logarithm, while too few points have both. */
const USUAL_ERROR = 0.1;
const FEWEST_PAIRS = 4;

/** What a short look at a point said. */
export interface Probe {
  readonly position: number;
  readonly digits: Int16Array;
  /** null where a probe has no number: it asks no questions. */
  readonly costs: readonly (number | null)[];
  readonly violation: number;
  readonly seconds: number;
}

/** What is known beside the probes. */
export interface Known {
  /** Points that were measured in full, of the same objectives. */
  readonly measured: readonly Observation[];
  readonly predict: ((position: number) => Prediction | null) | null;
  /** What a point may cost at best by the prediction. */
  readonly atBest: ((position: number) => Costs) | null;
}

/**
 * Points that were probed and wait for a full measurement: asynchronous successive halving with two rungs (Li et al., "A System for Massively Parallel
 * Hyperparameter Tuning", MLSys 2020), whose promotions know how far probes are off. Points that have both say by how much a probe is off on average, which is
 * taken off, and how much that varies, which a probe may be beaten by and is measured all the same, since ranks at a probe's depth flip.
 */
export class Probes {
  readonly #waiting = new Map<number, Probe>();
  /** By objective: full measurements minus probes of the same points. */
  readonly #apart: number[][];

  constructor(objectives: number) {
    this.#apart = Array.from({ length: objectives }, () => []);
  }

  get size(): number {
    return this.#waiting.size;
  }

  has(position: number): boolean {
    return this.#waiting.has(position);
  }

  add(probe: Probe): void {
    this.#waiting.set(probe.position, probe);
  }

  /** Forgets a point, which was given up or measured. @param costs of its full measurement; null where it has none. */
  take(position: number, costs: readonly (number | null)[] | null): void {
    for (const [d, cost] of this.#waiting.get(position)?.costs.entries() ?? []) {
      const full = costs?.[d] ?? null;
      if (cost !== null && full !== null) this.#apart[d]!.push(full - cost);
    }
    this.#waiting.delete(position);
  }

  /** @returns probes as if they were measurements: what they lack is what is predicted, or the middle of what was measured. */
  observations({ measured, predict }: Known): Observation[] {
    const off = this.#apart.map((ones) => (ones.length === 0 ? 0 : moments(ones).mean));
    const middle = this.#apart.map((_, d) => {
      const costs = measured.flatMap((one) => (one.costs === null ? [] : [one.costs[d]!]));
      return costs.length === 0 ? 0 : median(costs);
    });
    return [...this.#waiting.values()].map(({ position, digits, costs, violation, seconds }) => {
      const predicted = costs.includes(null) ? (predict?.(position)?.costs ?? null) : null;
      const filled = costs.map((cost, d) =>
        cost === null ? (predicted?.[d] ?? middle[d]!) : cost + off[d]!,
      );
      return { ...{ position, digits, violation, seconds, costs: filled }, starts: 1 };
    });
  }

  /**
   * @param busy points that are being measured.
   * @param over nothing is left to be probed: whatever may stand on the front is measured, however many.
   * @returns the best point that is worth a full measurement; null = none is, so far.
   */
  next(known: Known, busy: ReadonlySet<number>, over: boolean): number | null {
    const probes = this.observations(known);
    const all = [...known.measured, ...probes];
    const most = over ? all.length : Math.floor(all.length / REDUCTION);
    const meeting = all.filter(({ costs, violation }) => costs !== null && violation === 0);
    const candidates = new Set(probes.filter(({ position }) => !busy.has(position)));
    for (const one of ranked(all, most).slice(0, most)) {
      if (candidates.has(one) && one.violation === 0 && !this.#isBeaten(one, meeting, known))
        return one.position;
    }
    return null;
  }

  #isBeaten(one: Observation, others: readonly Observation[], { atBest }: Known): boolean {
    const said = this.#waiting.get(one.position)!.costs;
    const best = said.includes(null) ? (atBest?.(one.position) ?? null) : null;
    const own = one.costs!.map((cost, d) =>
      said[d] === null ? (best?.[d] ?? Number.NEGATIVE_INFINITY) : cost - BAND * Math.SQRT2 * this.#error(d),
    );
    return others.some((other) => other !== one && dominates(other.costs!, own));
  }

  /** Standard deviation of what probes are off by. */
  #error(objective: number): number {
    const ones = this.#apart[objective]!;
    return ones.length < FEWEST_PAIRS ? USUAL_ERROR : Math.sqrt(moments(ones).squares / (ones.length - 1));
  }
}
