import { applyMask, regrow } from '../mask.js';
import type { Chooser, Need } from './method.js';

/**
 * Most swaps of a row where nothing is said: far more than rows of today's models take to have no better one.
 */
export const MAX_SWAPS = 1000;

/**
 * A method, and swaps that refine what it chose.
 * @template M what the method is set to
 */
export interface Swaps<M> {
  readonly kind: 'swaps';
  readonly first: M;
  /** Most swaps of a row. */
  readonly maxSwaps: number;
}

/**
 * Swaps of a pruned for a kept weight, each time the one of all pairs of a row that lowers its squared output
 * error most, until none does (SparseSwaps, arXiv 2512.10922); N:M only within groups. Needs the Hessian
 * alone, and works from any mask: a weight that a method has updated keeps its value, one that comes back has
 * the dense model’s.
 * @param methodOf finds the first method by its kind.
 */
export function swapsAfter<M>(methodOf: (method: M) => Chooser<M>): Chooser<Swaps<M>, M> {
  return {
    kind: 'swaps',
    calibrates: 'always',
    needs: ({ first }) => [...new Set<Need>([...methodOf(first).needs(first), 'hessian'])],
    nameOf: ({ first }) => `${methodOf(first).nameOf(first)}+swaps`,
    firstMask: ({ first }) => methodOf(first).firstMask(first),
    problem: ({ first, maxSwaps }, pattern) =>
      wrongBound(maxSwaps) ?? methodOf(first).problem(first, pattern),
    choose(layer, { first, maxSwaps }, pattern, engine) {
      const { weights, mask: initialMask, exchange } = methodOf(first).choose(layer, first, pattern, engine);
      regrow(weights, layer.weights, initialMask);
      const refinement = engine.swaps(layer.weights, weights, initialMask, layer.hessian!, pattern, maxSwaps);
      applyMask(weights, refinement.mask);
      return { weights, mask: refinement.mask, exchange, refinement };
    },
  };
}

const wrongBound = (maxSwaps: number) =>
  Number.isInteger(maxSwaps) && maxSwaps >= 0 ? null : `maxSwaps ${maxSwaps} is not a count`;
