import type { ModelFacts } from './experiment.js';

/** Facts of a model of which none is missing; heads may still differ between layers. */
export type KnownFacts = {
  readonly [Fact in keyof ModelFacts]: Fact extends 'heads'
    ? ModelFacts[Fact]
    : NonNullable<ModelFacts[Fact]>;
};

/** @returns whether a model reads texts at once and keeps nothing: it has heads, and no keys that stay. */
export function isEncoder({ heads, keyElementsPerToken }: ModelFacts): boolean {
  return heads !== null && keyElementsPerToken === 0;
}

/** @returns the facts for what is computed from them all; null where the model's format leaves one open. */
export function knownFacts(facts: ModelFacts): KnownFacts | null {
  const { heads: _, ...needed } = facts;
  return Object.values(needed).includes(null) ? null : (facts as KnownFacts);
}
