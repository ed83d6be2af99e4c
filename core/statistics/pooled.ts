import type { PooledSpread } from './centre.js';
import { type Blocks, type StartValue, startLogs, unusable } from './nested.js';
import { mean, moments } from './summary.js';
import { typicalSpread } from './typical-spread.js';

/**
 * How starts differ in rows like these, learned from all of them (`typicalSpread`).
 *
 * What moves a block moves all rows of it, and every row would tell the same accident again. So where the rows of a sweep share
 * their blocks, the blocks' mean effect is taken out first; otherwise only starts of the same block are compared. A row whose starts
 * are all equal (bytes) says nothing and takes no part.
 * @param sweeps rows of one metric on one machine, by sweep; the blocks of a sweep's rows are in the same order.
 * @returns null with fewer than three rows that have two starts to compare.
 */
export function pooledSpread(
  sweeps: readonly (readonly Blocks[])[],
  startValue?: StartValue,
): PooledSpread | null {
  return typicalSpread(
    sweeps.flatMap((rows) =>
      spreadsOf(rows.filter((row) => unusable(row) === null).map((row) => startLogs(row, startValue))),
    ),
  );
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
