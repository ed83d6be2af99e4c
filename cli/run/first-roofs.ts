import { duration } from '../../report/time-left.js';
import { askedOfFactors } from '../factors/asked.js';
import { fitMissing } from '../factors/factors.js';
import { unlessTerminated } from '../interrupts.js';
import { say } from '../output/print.js';
import { budgetOf, type SweepTime } from '../plan/sweep-time.js';
import { measureMissing } from '../roofs/roofs.js';
import type { Prepared } from './prepare.js';

/** Roofs and factors of a first run together, whatever else runs on the machine; what comes behind the last bench is left some of it. */
const FIRST_RUN_SECONDS = 25;
const FIRST_SECONDS = FIRST_RUN_SECONDS - 4;
/** Few benches are better than none. */
const LEAST_FIT_SECONDS = 4;

/**
 * Measures what this machine has no roofs or factors of, once, before its first run; not where it was asked not to.
 * @param timeOf how long the sweep takes, by what has been measured so far.
 * @returns whether it was interrupted.
 */
export async function measureFirst(
  { sweep, space, here, folders, options }: Prepared,
  timeOf: () => Promise<SweepTime>,
): Promise<boolean> {
  // The same word of the environment keeps a node's agent from measuring them.
  if (!options.roofs || (process.env.RIDGE_ROOFS ?? 'auto') !== 'auto') return false;
  const asked = askedOfFactors(sweep, folders);
  if ((await timeOf()).how === null) sayFirst(budgetOf(sweep, space.count));
  return await unlessTerminated(async (signal) => {
    const begun = performance.now();
    await measureMissing(here, signal);
    const left = FIRST_SECONDS - (performance.now() - begun) / 1000;
    if (asked !== null) await fitMissing(here, asked, Math.max(LEAST_FIT_SECONDS, left), signal);
  });
}

/** @param seconds of all starts where repeats are short; null where nothing bounds them. */
function sayFirst(seconds: number | null): void {
  const all =
    seconds === null ? '' : `about ${duration(FIRST_RUN_SECONDS + seconds)} in all where a repeat is short: `;
  say(
    `${all}first the roofs and factors of this machine, ${FIRST_RUN_SECONDS} s at most, which tell how long the rest takes`,
  );
}
