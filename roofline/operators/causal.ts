import { keysInReach, type Masking, pairs } from '../../core/work/pass/pairs.js';

/** Tokens of each sequence: computed in a call, and in the cache before it. */
interface Tokens {
  readonly newTokens: number;
  readonly cachedTokens: number;
  /** Tokens a query sees, itself included; null and left out = all. */
  readonly window?: number | null;
}

const CAUSAL: Masking = { causal: true, skips: true, padKeys: 1 };

/** Keys of one sequence that a query sees on average. */
export function keysPerQuery({ newTokens, cachedTokens, window = null }: Tokens): number {
  return pairs({ newTokens, cachedTokens, window }, CAUSAL) / newTokens;
}

/** Keys of one sequence that any query of a call sees. */
export function keysSeen({ newTokens, cachedTokens, window = null }: Tokens): number {
  return keysInReach({ newTokens, cachedTokens, window }, CAUSAL);
}

/** Whether a window ends what some query sees. */
export const isWindowed = ({ newTokens, cachedTokens, window = null }: Tokens) =>
  window !== null && window < cachedTokens + newTokens;
