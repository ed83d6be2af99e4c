import { mean, moments } from './summary.js';

/** What each run of the drift control read, by block, in the order of each side's blocks. */
export interface DriftControl {
  readonly base: readonly (readonly number[])[];
  readonly candidate: readonly (readonly number[])[];
}

type Logs = readonly (readonly number[])[];

/**
 * How much of the control's movement from block to block is the machine's, and not the control's own scatter: between 0 and 1.
 * One minus the share that its runs within a block explain, with the factor of James & Stein ("Estimation with quadratic loss",
 * Fourth Berkeley Symposium, 1961) that keeps few blocks from claiming too much. This is at the same time the coefficient of the
 * regression of a row on the control, where the machine slows both alike.
 * @param logs logarithms of the control's runs, by block.
 * @returns 0 with fewer than four blocks, or one run in each.
 */
export function driftWeight(logs: Logs): number {
  const all = logs.flat();
  const [dfBlocks, dfWithin] = [logs.length - 1, all.length - logs.length];
  if (dfBlocks < 3 || dfWithin < 1) return 0;
  const within = logs.reduce((sum, block) => sum + moments(block).squares, 0);
  const between = moments(all).squares - within;
  if (between <= 0) return 0;
  return Math.max(0, 1 - ((dfBlocks - 2) / (dfWithin + 2)) * (within / between));
}

/**
 * Takes out of two rows what the machine did to the drift control in the same blocks: each block's starts less `driftWeight` times
 * the control's distance from its mean.
 *
 * It helps where blocks, or the two runs, differ by as much as single starts do, and costs a little where they do not. It must not
 * be used where what is compared changes the control too: two builds of an engine, each with its control run by itself, would have
 * their difference taken out. Rows are returned as they are when a side has one block or a block of no control.
 */
export function correctedBy(control: DriftControl, rows: readonly [Logs, Logs]): readonly [Logs, Logs] {
  const sides = [control.base, control.candidate].map((blocks) => blocks.map((runs) => runs.map(Math.log)));
  const fits = sides.every(
    (blocks, s) =>
      blocks.length > 1 && blocks.length === rows[s]!.length && blocks.every((runs) => runs.length > 0),
  );
  if (!fits) return rows;
  const weight = driftWeight(sides.flat());
  const centre = mean(sides.flat().map(mean));
  const correct = (s: 0 | 1) =>
    rows[s].map((starts, b) => starts.map((v) => v - weight * (mean(sides[s]![b]!) - centre)));
  return [correct(0), correct(1)];
}
