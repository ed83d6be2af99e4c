import { fitsAny, fitsPattern } from '../layer-choice.js';
import type { SparsitySpec } from '../sparsity.js';
import { methodOf, type PruningMethod } from './methods/index.js';
import type { Pattern } from './pattern.js';

/** @returns whether a layer is pruned. */
export function isChosen(name: string, { layers, exclude }: SparsitySpec): boolean {
  return fitsAny(name, layers) && !fitsAny(name, exclude);
}

/**
 * @param allocated ratios by name, where they follow from a measurement.
 * @returns how much of a layer is pruned: its own ratio, else the one of all.
 */
export function patternFor(
  name: string,
  { ratios, pattern }: SparsitySpec,
  allocated: ReadonlyMap<string, number> | null,
): Pattern {
  const own = ratios.find((override) => fitsPattern(name, override.pattern))?.ratio ?? allocated?.get(name);
  return own === undefined ? pattern : { kind: 'unstructured', ratio: own };
}

/** @returns how a layer is pruned: a layer that DSnoT shall not exchange keeps its initial mask. */
export function methodFor(name: string, { method, exchangeLayers }: SparsitySpec): PruningMethod {
  return fitsAny(name, exchangeLayers) ? method : methodOf(method).firstMask(method);
}
