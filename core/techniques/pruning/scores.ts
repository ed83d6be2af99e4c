import type { InverseFactor } from './hessian.js';
import type { ChannelStatistics } from './statistics.js';

/** How much a weight matters, row by row: writes one score per column into `scores`. The least are pruned first. */
export type Score = (weights: Float32Array, scores: Float32Array) => void;

/** |W|. */
export const magnitude: Score = (weights, scores) => {
  for (let j = 0; j < weights.length; j++) scores[j] = Math.abs(weights[j]!);
};

/** |W| · √R, R the channel's sum of squares (Wanda, arXiv 2306.11695, eq. 1), in single precision. */
export function wanda(statistics: ChannelStatistics): Score {
  const norms = statistics.squaresPerSequence.map((r) => Math.sqrt(r));
  return (weights, scores) => {
    for (let j = 0; j < weights.length; j++) scores[j] = Math.abs(weights[j]!) * norms[j]!;
  };
}

/** W² / U_jj², the loss of removing a weight (SparseGPT, arXiv 2301.00774, eq. 5); 0 on dead channels. */
export function optimalBrainSurgeon(factor: InverseFactor): Score {
  const n = factor.columns;
  const diagonal = Float64Array.from({ length: n }, (_, j) => factor.values[j * n + j]!);
  return (weights, scores) => {
    for (let j = 0; j < n; j++) {
      const scaled = weights[j]! / diagonal[j]!;
      scores[j] = factor.dead[j] === 1 ? 0 : scaled * scaled;
    }
  };
}
