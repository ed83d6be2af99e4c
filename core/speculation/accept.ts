/**
 * Greedy verification: a drafted token is accepted where the model itself would have chosen it, and every one
 * before it was accepted (Leviathan et al., arXiv 2211.17192, at temperature 0).
 * @param drafted d₁ … dₖ.
 * @param chosen what the model chooses after the token before the draft, and after each drafted one: k + 1.
 * @returns how many drafted tokens are accepted; the model's choice after these is the step's last token.
 */
export function acceptedTokens(drafted: ArrayLike<number>, chosen: ArrayLike<number>): number {
  let accepted = 0;
  while (accepted < drafted.length && drafted[accepted] === chosen[accepted]) accepted += 1;
  return accepted;
}

/** @returns place of the first token in which two answers differ; null = they are equal. */
export function firstDifference(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) if (a[i] !== b[i]) return i;
  return a.length === b.length ? null : shorter;
}
