import { fitsAny, fitsPattern } from '../layer-choice.js';
import type { SparsitySpec } from '../sparsity.js';
import { methodOf, type PruningMethod } from './methods/index.js';
import type { Pattern } from './pattern.js';

/**
 * @returns what one expert of a layer is called: all of them are one tensor of the file,
 *   `blk.3.ffn_up_exps.weight`.
 */
export function expertName(tensor: string, expert: number): string {
  return tensor.replace(/\.weight$/, `.${expert}.weight`);
}

/** @returns the tensor that a layer is of, and which expert of it; null = it is all of the tensor. */
export function tensorOf(name: string): { readonly tensor: string; readonly expert: number | null } {
  const [, front, expert] = /^(.*_exps)\.(\d+)\.weight$/.exec(name) ?? [];
  return expert === undefined
    ? { tensor: name, expert: null }
    : { tensor: `${front}.weight`, expert: Number(expert) };
}

/** @returns whether a layer is chosen; experts of one tensor are chosen together. */
export function isChosen(
  name: string,
  { layers, exclude }: Pick<SparsitySpec, 'layers' | 'exclude'>,
): boolean {
  const { tensor } = tensorOf(name);
  return fitsAny(tensor, layers) && !fitsAny(tensor, exclude);
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
  const { tensor } = tensorOf(name);
  const own = ratios.find((override) => fitsPattern(tensor, override.pattern))?.ratio ?? allocated?.get(name);
  return own === undefined ? pattern : { kind: 'unstructured', ratio: own };
}

/** @returns how a layer is pruned: a layer that DSnoT shall not exchange keeps its initial mask. */
export function methodFor(name: string, { method, exchangeLayers }: SparsitySpec): PruningMethod {
  return fitsAny(tensorOf(name).tensor, exchangeLayers) ? method : methodOf(method).firstMask(method);
}
