import { digamma, trigamma } from './distributions.js';
import { mean, moments } from './summary.js';

/** The fewest rows that tell how rows differ from each other. */
const MIN_ROWS = 3;
/** Squares of logarithms below which a row's starts are equal but for rounding: it says nothing of noise. */
const NOTHING = 1e-14;

/** How starts differ in rows like these: a variance, and how many degrees of freedom it is worth to a row. */
export interface TypicalSpread {
  readonly variance: number;
  readonly df: number;
}

/**
 * How starts differ in rows like these, learned from all of them. Three starts of one row know their spread
 * within a factor of three; thirty rows of three know the typical spread well. The variances of rows are
 * taken as draws around a typical one, spread as widely as they prove to be (scaled inverse χ², fitted by the
 * moments of their logarithms: Smyth, "Linear models and empirical Bayes methods", Statistical Applications
 * in Genetics and Molecular Biology 3(1), 2004, §6.2).
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
  // What was learned from the rows cannot be worth more than the rows.
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
