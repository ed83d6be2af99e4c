import { digamma, trigamma } from './distributions.js';
import { mean, moments } from './summary.js';

/** The fewest rows from which the differences between rows are estimated. */
const MIN_ROWS = 3;
/**
 * Squared logarithms below which a row's starts are equal except for rounding, so that the row says nothing
 * about noise.
 */
const NOTHING = 1e-14;

/**
 * How starts differ in rows like these: a variance, and the degrees of freedom with which it counts in a
 * row's estimate.
 */
export interface TypicalSpread {
  readonly variance: number;
  readonly df: number;
}

/**
 * How starts differ in rows like these, estimated from all of them. Three starts of one row determine their
 * spread only within a factor of three, but thirty rows of three starts determine the typical spread well.
 * The variances of rows are modelled as draws around a typical one, whose own spread is estimated from the
 * rows (scaled inverse χ², fitted by the moments of their logarithms: Smyth, "Linear models and empirical
 * Bayes methods", Statistical Applications in Genetics and Molecular Biology 3(1), 2004, §6.2).
 * @param rows squares of each row's starts about its centre, and their degrees of freedom. Rows whose starts
 *   are all equal (bytes) take no part.
 * @returns null with fewer than MIN_ROWS rows that have two starts to compare.
 */
export function typicalSpread(
  rows: readonly { readonly squares: number; readonly df: number }[],
): TypicalSpread | null {
  const known = rows.filter(({ df, squares }) => df > 0 && squares > NOTHING);
  if (known.length < MIN_ROWS) return null;
  const logs = known.map(({ df, squares }) => Math.log(squares / df) - digamma(df / 2) + Math.log(df / 2));
  const excess = moments(logs).squares / (logs.length - 1) - mean(known.map(({ df }) => trigamma(df / 2)));
  // The estimate cannot have more degrees of freedom than the rows it comes from.
  const most = known.reduce((sum, { df }) => sum + df, 0);
  const df = excess <= trigamma(most / 2) ? most : 2 * trigammaInverse(excess);
  return { variance: Math.exp(mean(logs) + digamma(df / 2) - Math.log(df / 2)), df };
}

/** x with trigamma(x) = y > 0, by bisection of the logarithm: trigamma falls. */
function trigammaInverse(y: number): number {
  let [low, high] = [Math.log(1e-8), Math.log(1e8)];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (trigamma(Math.exp(middle)) > y) low = middle;
    else high = middle;
  }
  return Math.exp((low + high) / 2);
}
