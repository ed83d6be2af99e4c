import type { ModelFacts } from './experiment.js';

/** Facts of a model of which none is missing; heads may still differ between layers. */
export type KnownFacts = {
  readonly [Fact in keyof ModelFacts]: Fact extends 'heads'
    ? ModelFacts[Fact]
    : NonNullable<ModelFacts[Fact]>;
};

/** @returns the facts for what is computed from them all; null where the model's format leaves one open. */
export function knownFacts(facts: ModelFacts): KnownFacts | null {
  const { heads: _, ...needed } = facts;
  return Object.values(needed).includes(null) ? null : (facts as KnownFacts);
}
