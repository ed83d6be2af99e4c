/** Of each sequence: computed in a call, and in the cache before it. */
interface Tokens {
  readonly newTokens: number;
  readonly cachedTokens: number;
}

/** Keys that a query of a causal layer sees on average. */
export const keysPerQuery = ({ newTokens, cachedTokens }: Tokens) => cachedTokens + (newTokens + 1) / 2;
