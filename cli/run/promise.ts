import { sweepId } from '../../core/sweep/identity.js';
import type { Sweep } from '../../core/sweep/spec.js';
import type { ControlConnection } from '../../proto/client.js';
import { say } from '../output/print.js';
import { AT_MOST, promiseText, type SweepTime } from '../plan/sweep-time.js';

/** The report at the end, and the trial that runs when time is over, where somebody else has half of the machine. */
const LAST_SECONDS = 7;

/**
 * Says how long a run takes, from its beginning on; of one that is taken up again, what is left of it.
 * @param spentSeconds since the command began.
 * @returns the seconds that the sweep may take from now on, whatever the neighbours; undefined where nothing can be promised.
 */
export async function promiseRun(
  control: ControlConnection,
  sweep: Sweep,
  { promise, promiseAbsent }: SweepTime,
  spentSeconds: number,
): Promise<number | undefined> {
  if (promise === null) {
    say(`no promise of how long it takes: ${promiseAbsent}`);
    return undefined;
  }
  const { sweeps } = await control.listSweeps();
  const known = sweeps.find((one) => one.sweepId === sweepId(sweep));
  const lacking = known === undefined ? 1 : known.trialsLeft / (known.points * known.starts);
  const { aboutSeconds } = promise;
  const left = lacking * aboutSeconds;
  const { starts } = sweep.repetition;
  say(
    `${promiseText({ ...promise, aboutSeconds: left }, spentSeconds)}: ${starts} ${starts === 1 ? 'start' : 'starts'} of each row`,
  );
  // Points that are to be tried again are none of those that are lacking.
  return Math.max(
    AT_MOST * (left + spentSeconds) - spentSeconds - LAST_SECONDS,
    aboutSeconds / (promise.starts + 1),
  );
}
