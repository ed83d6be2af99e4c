import type { Observation } from './history.js';
import { Neighbours } from './neighbours.js';
import type { SearchAxis } from './space.js';

/** Width of the kernel, as a share of an axis: failures predict those of points within it. */
const WIDTH = 0.25;
/** Weight, in points, of the overall share of failures beside the neighbours. */
const PRIOR_POINTS = 0.1;

/**
 * Predicts how likely a point fails from the points around it that were tried. It is the mean of their
 * outcomes, weighted by how near they are on all axes at once (Nadaraya, Theory Probab. Appl. 9(1), 1964;
 * Watson, Sankhyā A 26(4), 1964), and shrunk towards the overall share of failures where few are near.
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
