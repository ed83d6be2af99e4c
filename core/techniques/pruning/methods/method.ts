import type { Settings } from '../../spelling.js';
import type { PruningEngine } from '../engine.js';
import type { Choice, Layer } from '../layer.js';
import { applyMask, type Mask } from '../mask.js';
import { copyOf, type Matrix } from '../matrix.js';
import type { Pattern } from '../pattern.js';

/** What a method must have seen of the inputs of a layer. */
export type Need = 'statistics' | 'hessian';

/**
 * A way to choose the weights that are pruned: all that the check of a layer and the pruning of it ask of it.
 * @template M what it is set to
 * @template F what the method of its first mask is set to
 */
export interface Chooser<M, F = M> {
  readonly kind: string;
  /**
   * `always`: it cannot choose without a calibration; `when-asked`: only what is reported of it can want one.
   */
  readonly calibrates: 'always' | 'when-asked';
  needs(method: M): readonly Need[];
  /** @returns what it is called in the report of a layer. */
  nameOf(method: M): string;
  /** @returns the method that chooses the first mask alone; itself where nothing comes after it. */
  firstMask(method: M): F;
  /** @returns what of it cannot work, and null for what can. */
  problem(method: M, pattern: Pattern): string | null;
  /** Weights, pattern and settings have passed the check. */
  choose(layer: Layer, method: M, pattern: Pattern, engine: PruningEngine): Choice;
}

/** A way to choose weights that a sweep has a word for. */
export interface Method<M> extends Chooser<M> {
  /** What a sweep calls it, and other names that people try. */
  readonly name: string;
  readonly aliases: readonly string[];
  /** Settings that it has beside those of all methods. */
  readonly own: Settings;
  /** @param values of its own settings */
  fromSettings(values: never): M;
}

/** @returns the weights with zeros where the mask has them; others keep their value. */
export function masked(weights: Matrix, mask: Mask, exchange: Choice['exchange'] = null): Choice {
  const pruned = copyOf(weights);
  applyMask(pruned, mask);
  return { weights: pruned, mask, exchange, refinement: null };
}
