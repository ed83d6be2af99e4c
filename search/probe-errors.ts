import { dominates } from '../judgement/pareto.js';
import { moments } from '../statistics/summary.js';
import type { Costs } from './hypervolume.js';

/** Standard deviations by which a probe has to be beaten. */
const BAND = 2;
/**
 * Standard deviation between a point's probe and its full measurement, as a logarithm, while too few points
 * have both.
 */
const USUAL_ERROR = 0.1;
const FEWEST_PAIRS = 4;

/**
 * What probes are off by, of points that were measured in full, too: their mean is taken off, and their
 * spread says which probes are too near to tell.
 */
export class ProbeErrors {
  /** By objective: full measurements minus probes of the same points. */
  readonly #apart: readonly number[][];

  constructor(objectives: number) {
    this.#apart = Array.from({ length: objectives }, () => []);
  }

  /** Takes in a point of which both are known; null where one has no number. */
  add(probe: readonly (number | null)[], full: readonly (number | null)[]): void {
    for (const [d, cost] of probe.entries()) {
      const other = full[d] ?? null;
      if (cost !== null && other !== null) this.#apart[d]!.push(other - cost);
    }
  }

  /** By objective: what probes are off by on average. */
  get off(): Costs {
    return this.#apart.map((ones) => (ones.length === 0 ? 0 : moments(ones).mean));
  }

  /** By objective: how far two probes lie apart at most that cannot be told apart. */
  get bands(): Costs {
    return this.#apart.map(
      (ones) =>
        BAND *
        Math.SQRT2 *
        (ones.length < FEWEST_PAIRS ? USUAL_ERROR : Math.sqrt(moments(ones).squares / (ones.length - 1))),
    );
  }
}

/** Whether two probes lie so near that either point may dominate the other one, and neither surely does. */
export function isUndecidedDominance(a: Costs, b: Costs, bands: Costs): boolean {
  const lowered = (costs: Costs) => costs.map((cost, d) => cost - bands[d]!);
  const may = (one: Costs, other: Costs) => lowered(one).every((cost, d) => cost <= other[d]!);
  const does = (one: Costs, other: Costs) => dominates(one, lowered(other));
  return (may(a, b) || may(b, a)) && !does(a, b) && !does(b, a);
}
