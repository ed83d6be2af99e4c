import type { InverseFactor } from './hessian.js';
import type { ChannelStatistics } from './statistics.js';

/** How much a weight matters, as data that every engine can evaluate. The least are pruned first. */
export type Score =
  /** |W|. */
  | { readonly kind: 'magnitude' }
  /** |W| · √R, R the channel's sum of squares (Wanda, arXiv 2306.11695, eq. 1). */
  | { readonly kind: 'wanda'; readonly norms: Float32Array }
  /** W² / U_jj², the loss of removing a weight (SparseGPT, arXiv 2301.00774, eq. 5). */
  | { readonly kind: 'sparsegpt'; readonly diagonal: Float64Array };

export function wanda(statistics: ChannelStatistics): Score & { kind: 'wanda' } {
  return { kind: 'wanda', norms: statistics.squaresPerSequence.map((r) => Math.sqrt(r)) };
}

/** Weights on dead channels score 0: their diagonal is infinite. */
export function optimalBrainSurgeon(factor: InverseFactor): Score & { kind: 'sparsegpt' } {
  const n = factor.columns;
  const diagonal = Float64Array.from({ length: n }, (_, j) =>
    factor.dead[j] === 1 ? Number.POSITIVE_INFINITY : factor.values[j * n + j]!,
  );
  return { kind: 'sparsegpt', diagonal };
}

/** Each kind, by the word that native code knows it by, too. */
const KINDS = { wanda: true, magnitude: true, sparsegpt: true } as const satisfies Record<
  Score['kind'],
  true
>;

export const SCORE_KINDS = Object.keys(KINDS) as Score['kind'][];

/** @returns the error of a score that an engine was not taught; the compiler finds the place first. */
export function unknownScore(score: never): Error {
  const { kind } = score as Pick<Score, 'kind'>;
  return new Error(`this engine cannot prune by the score ${JSON.stringify(kind)}`);
}
