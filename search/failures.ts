import type { Observation } from './history.js';
import { Neighbours } from './neighbours.js';
import type { SearchAxis } from './space.js';

/** Within this share of an axis, what failed says something of its neighbours. */
const WIDTH = 0.25;
/** How many points the share of all that failed counts for beside the neighbours. */
const PRIOR_POINTS = 0.1;

/**
 * How likely a point fails, from those around it that were tried: the mean of what they did, weighed by how
 * near they are on all axes at once (Nadaraya, Theory Probab. Appl. 9(1), 1964; Watson, Sankhyā A 26(4),
 * 1964), drawn to the share of all that failed where few are near.
 */
export class Failures {
  readonly #failed: readonly boolean[];
  readonly #neighbours: Neighbours;
  readonly #share: number;

  constructor(axes: readonly SearchAxis[], tried: readonly Observation[]) {
    this.#failed = tried.map(({ costs }) => costs === null);
    this.#neighbours = new Neighbours(
      axes,
      tried.map(({ digits }) => digits),
      WIDTH,
    );
    this.#share = this.#failed.filter((failed) => failed).length / Math.max(1, tried.length);
  }

  /** @returns 0 to 1. */
  chanceAt(digits: Int32Array): number {
    if (this.#share === 0) return 0;
    let failed = PRIOR_POINTS * this.#share;
    let all = PRIOR_POINTS;
    for (const [i, near] of this.#neighbours.products(digits).entries()) {
      all += near;
      if (this.#failed[i]) failed += near;
    }
    return failed / all;
  }
}
