import type { PruningEngine } from '../engine.js';
import type { Layer } from '../layer.js';
import type { PruningMethod } from '../methods/index.js';

/** Settings that only allocations read. */
export interface AllocationSettings {
  /** How far apart ratios may be: an allocation says of what this is the measure. */
  readonly spread: number;
  /** A score that is so many times the mean of its block is an outlier. */
  readonly outlierFactor: number;
}

/** What is asked of an allocation. */
export interface Asked extends AllocationSettings {
  readonly method: PruningMethod;
  /** The overall share to prune. */
  readonly ratio: number;
  readonly engine: PruningEngine;
}

/** Layers of one model, measured one after the other. */
export interface Measurement {
  /** Takes the next layer of the dense model, with statistics of at least one token; blocks come in order. */
  see(layer: Layer): void;
  /** @returns the ratio of every layer seen; all together prune the overall share of the weights. */
  ratios(): ReadonlyMap<string, number>;
}

/** A way to give layers ratios of their own. */
export interface Allocation {
  /** What a sweep calls it. */
  readonly name: string;
  /** Settings that change what it does. */
  readonly reads: readonly (keyof AllocationSettings)[];
  /** Whether it must see the Hessian of each layer, beside its statistics. */
  readonly hessians: boolean;
  begin(asked: Asked): Measurement;
}
