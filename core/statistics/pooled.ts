import type { PooledSpread } from './centre.js';
import { digamma, trigamma } from './distributions.js';
import { type Blocks, type StartValue, startLogs, unusable } from './nested.js';
import { mean, moments } from './summary.js';

/** Rows without which a sweep says nothing of how rows differ from each other. */
const MIN_ROWS = 3;

/**
 * How starts differ in rows like these, learned from all of them: three starts of one row know their spread within a factor of
 * three, thirty rows of three know the typical one well. Rows' variances are taken as draws around a typical one, as far apart as
 * they prove to be (scaled inverse χ², fitted by the moments of their logarithms: Smyth 2004, §6.2).
 *
 * What moves a block moves all rows of it, and every row would tell the same accident again. So where the rows of a sweep share
 * their blocks, the blocks' mean effect is taken out first; otherwise only starts of the same block are compared. A row whose starts
 * are all equal (bytes) says nothing and takes no part.
 * @param sweeps rows of one metric on one machine, by sweep; the blocks of a sweep's rows are in the same order.
 * @returns null with fewer than MIN_ROWS rows that have two starts to compare.
 */
export function pooledSpread(
  sweeps: readonly (readonly Blocks[])[],
  startValue?: StartValue,
): PooledSpread | null {
  const known = sweeps
    .flatMap((rows) =>
      spreadsOf(rows.filter((row) => unusable(row) === null).map((row) => startLogs(row, startValue))),
    )
    .filter(({ df, squares }) => df > 0 && squares > 0);
  if (known.length < MIN_ROWS) return null;
  const logs = known.map(({ df, squares }) => Math.log(squares / df) - digamma(df / 2) + Math.log(df / 2));
  const excess = moments(logs).squares / (logs.length - 1) - mean(known.map(({ df }) => trigamma(df / 2)));
  // What was learned from the rows cannot be worth more than the rows.
  const most = known.reduce((sum, { df }) => sum + df, 0);
  const df = excess <= trigamma(most / 2) ? most : 2 * trigammaInverse(excess);
  return { variance: Math.exp(mean(logs) + digamma(df / 2) - Math.log(df / 2)), df };
}

/** Squares of each row's starts that blocks do not explain, and their degrees of freedom. */
function spreadsOf(
  rows: readonly (readonly (readonly number[])[])[],
): readonly { readonly squares: number; readonly df: number }[] {
  const blocks = rows[0]?.length ?? 0;
  if (rows.length <= 1 || rows.some((row) => row.length !== blocks)) {
    return rows.map((row) => ({
      squares: row.reduce((sum, starts) => sum + moments(starts).squares, 0),
      df: row.flat().length - row.length,
    }));
  }
  const means = rows.map((row) => row.map(mean));
  const effects = rows[0]!.map((_, b) => mean(means.map((row) => row[b]! - mean(row))));
  return rows.map((row) => ({
    squares: moments(row.flatMap((starts, b) => starts.map((v) => v - effects[b]!))).squares,
    df: row.flat().length - 1 - (blocks - 1) / rows.length,
  }));
}

/** x with trigamma(x) = y > 0, by bisection of the logarithm: trigamma falls. */
function trigammaInverse(y: number): number {
  let [low, high] = [Math.log(1e-8), Math.log(1e8)];
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    if (trigamma(Math.exp(middle)) > y) low = middle;
    else high = middle;
  }
  return Math.exp((low + high) / 2);
}
