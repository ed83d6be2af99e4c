import { dominates } from '../judgement/pareto.js';
import { moments } from '../statistics/summary.js';
import type { Costs } from './hypervolume.js';

/** A probe counts as beaten if it is worse by this many standard deviations. */
const BAND = 2;
/**
 * Standard deviation between a point's probe and its full measurement, as a logarithm, while too few points
 * have both.
 */
const USUAL_ERROR = 0.1;
const FEWEST_PAIRS = 4;

/**
 * The errors of probes, from points that were also measured in full. Their mean is subtracted from probes,
 * and their spread shows which probes are too close to distinguish.
 */
export class ProbeErrors {
  /** By objective: full measurements minus probes of the same points. */
  readonly #apart: readonly number[][];

  constructor(objectives: number) {
    this.#apart = Array.from({ length: objectives }, () => []);
  }

  /** Adds a point with both results; null for an objective without a number. */
  add(probe: readonly (number | null)[], full: readonly (number | null)[]): void {
    for (const [d, cost] of probe.entries()) {
      const other = full[d] ?? null;
      if (cost !== null && other !== null) this.#apart[d]!.push(other - cost);
    }
  }

  /** For each objective, the mean error of probes. */
  get off(): Costs {
    return this.#apart.map((ones) => (ones.length === 0 ? 0 : moments(ones).mean));
  }

  /** For each objective, the largest difference at which two probes cannot be distinguished. */
  get bands(): Costs {
    return this.#apart.map(
      (ones) =>
        BAND *
        Math.SQRT2 *
        (ones.length < FEWEST_PAIRS ? USUAL_ERROR : Math.sqrt(moments(ones).squares / (ones.length - 1))),
    );
  }
}

/** Whether two probes are so close that each point might dominate the other, and neither surely does. */
export function isUndecidedDominance(a: Costs, b: Costs, bands: Costs): boolean {
  const lowered = (costs: Costs) => costs.map((cost, d) => cost - bands[d]!);
  const may = (one: Costs, other: Costs) => lowered(one).every((cost, d) => cost <= other[d]!);
  const does = (one: Costs, other: Costs) => dominates(one, lowered(other));
  return (may(a, b) || may(b, a)) && !does(a, b) && !does(b, a);
}
