import { tensorOf } from '../plan.js';
import { ALIKE, balance, type SizedLayer } from './balance.js';

/** A layer, and what all layers of its block are measured as. */
export interface LayerOfBlock extends SizedLayer {
  /** How much the block is to be spared, on any scale. */
  readonly importance: number;
}

/** @returns the block of a layer: `3` of `blk.3.ffn_up.weight`. */
export function blockOf(name: string): string {
  return tensorOf(name).tensor.split('.')[1] ?? name;
}

/**
 * Gives all layers of a block one ratio, lower for blocks of more importance: ratios fall linearly with
 * importance, and the least and the most important block are 2 · spread apart (OWL, arXiv 2310.05175, section
 * 3; LSA has the same).
 */
export function allocateByBlock(
  layers: readonly LayerOfBlock[],
  ratio: number,
  spread: number,
): ReadonlyMap<string, number> {
  const all = layers.map(({ importance }) => importance);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const range = most - least;
  const isAlike = !(range > ALIKE * Math.max(Math.abs(least), Math.abs(most)));
  const demands = all.map((one) => (isAlike ? 0 : (2 * spread * (one - least)) / range));
  return balance(layers, demands, ratio, { least: 0, most: 1 });
}
