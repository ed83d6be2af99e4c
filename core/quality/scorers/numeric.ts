/** A number as people write one: sign, thousands separated by commas, decimals, exponent. */
const NUMBER = /[-+\u2212]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d{1,3})?/g;

/**
 * @returns the last number in a text, as evaluations of arithmetic read answers, or null when there is none.
 */
export function lastNumber(text: string): number | null {
  const found = text.match(NUMBER)?.at(-1);
  return found === undefined ? null : Number(found.replace(/,/g, '').replace('\u2212', '-'));
}

/** @returns whether the last number of the answer is within `tolerance` (absolute) of the reference's. */
export function numericMatch(answer: string, reference: string, tolerance: number): boolean {
  const [got, wanted] = [lastNumber(answer), lastNumber(reference)];
  return got !== null && wanted !== null && Math.abs(got - wanted) <= tolerance;
}
