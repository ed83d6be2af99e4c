import type { PruningEngine } from './engine.js';
import type { InverseFactor } from './hessian.js';
import type { Layer } from './layer.js';
import type { Need } from './methods/method.js';
import type { ChannelStatistics } from './statistics.js';

/** How much a weight matters, as data that every engine can evaluate. The least are pruned first. */
export type Score =
  /** |W|. */
  | { readonly kind: 'magnitude' }
  /** |W| · a factor of 0 or more for each channel. */
  | { readonly kind: 'scaled'; readonly factors: Float32Array }
  /** W² / U_jj², the loss of removing a weight (SparseGPT, arXiv 2301.00774, eq. 5). */
  | { readonly kind: 'sparsegpt'; readonly diagonal: Float64Array };

/** |W| · √R, R the channel's sum of squares (Wanda, arXiv 2306.11695, eq. 1). */
export function wanda(statistics: ChannelStatistics): Score & { kind: 'scaled' } {
  return { kind: 'scaled', factors: statistics.squaresPerSequence.map((r) => Math.sqrt(r)) };
}

/** Weights on dead channels score 0: their diagonal is infinite. */
function optimalBrainSurgeon(factor: InverseFactor): Score & { kind: 'sparsegpt' } {
  const n = factor.columns;
  const diagonal = Float64Array.from({ length: n }, (_, j) =>
    factor.dead[j] === 1 ? Number.POSITIVE_INFINITY : factor.values[j * n + j]!,
  );
  return { kind: 'sparsegpt', diagonal };
}

/** A score as a method or a setting names it. */
interface NamedScore {
  /** What it must have seen of a layer's inputs. */
  readonly needs: readonly Need[];
  /** @param damping share of the mean diagonal that is added to a Hessian before it is inverted. */
  make(layer: Layer, engine: PruningEngine, damping: number): Score;
}

/** Every score that a mask may begin with, by the word of a sweep; the first is DSnoT's own. */
const SCORES = {
  wanda: {
    needs: ['statistics'],
    make: ({ statistics }) => wanda(statistics!),
  },
  magnitude: {
    needs: [],
    make: () => ({ kind: 'magnitude' }),
  },
  sparsegpt: {
    needs: ['hessian'],
    make: ({ hessian }, engine, damping) => optimalBrainSurgeon(engine.inverseFactor(hessian!, damping)),
  },
} as const satisfies Readonly<Record<string, NamedScore>>;

export type ScoreName = keyof typeof SCORES;

export const SCORE_NAMES = Object.keys(SCORES) as ScoreName[];

/** @returns what the score of that name needs, and is made of. */
export function scoreNamed(name: ScoreName): NamedScore {
  return SCORES[name];
}

/** @returns the error of a score that an engine was not taught; the compiler finds the place first. */
export function unknownScore(score: never): Error {
  const { kind } = score as Pick<Score, 'kind'>;
  return new Error(`this engine cannot prune by the score ${JSON.stringify(kind)}`);
}
