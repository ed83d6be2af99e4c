import type { Mask } from '../mask.js';
import type { ChannelStatistics } from '../statistics.js';
import type { DsnotSettings } from './settings.js';

/** A first mask that was chosen before, of weights that may have been updated. */
export interface GivenMask {
  readonly kind: 'given';
  readonly mask: Mask;
  /** What updates of kept weights took from the output of each row, Σ (dense − updated weight) · S. */
  readonly lost: Float32Array;
}

/** What an exchange of one layer did. */
export interface Exchange {
  readonly initialMask: Mask;
  readonly mask: Mask;
  /** Cycles the layer ran; in strict mode the most steps of a row. */
  readonly cycles: number;
  /** Exchanges of two weights, over all rows. */
  readonly steps: number;
  /** Rows whose |e| is still above the threshold. */
  readonly rowsAboveThreshold: number;
  /** The published code would have failed with an index error here; rows that ran out ended instead. */
  readonly publishedCodeFails: boolean;
  /** The published code's result depends on how torch orders equal values (grouped patterns that ran out). */
  readonly undefinedChoice: boolean;
}

/**
 * @returns V^power of every channel, which the contribution of a regrown weight is divided by; null for
 *   power 0.
 */
export function growDivisor(statistics: ChannelStatistics, settings: DsnotSettings): Float32Array | null {
  const power = settings.growVariancePower;
  return power === 0 ? null : statistics.variance.map((v) => v ** power);
}
