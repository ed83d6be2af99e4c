import { fitMissing, measureMissing } from '../../agent/door/roofs.js';
import { sweepId } from '../../core/sweep/identity.js';
import { crowding } from '../../process/device/crowding.js';
import type { ControlConnection } from '../../proto/client.js';
import { duration } from '../../report/time-left.js';
import { askedOfFactors } from '../factors/asked.js';
import { BEHIND_SECONDS, firstSeconds, LEAST_FIT_SECONDS } from '../factors/first.js';
import { unlessTerminated } from '../interrupts.js';
import { say } from '../output/print.js';
import { timeEstimator } from '../plan/estimate.js';
import {
  AT_MOST,
  closeSeconds,
  crowdedText,
  OPEN_SECONDS,
  type Promised,
  promiseText,
  type SweepTime,
  budgetOf as secondsOfStarts,
  sweepTime,
} from '../plan/sweep-time.js';
import { FOREGROUND } from '../single/foreground.js';
import type { Job } from './drive.js';
import { followed, leftOf, type SweepPace, sweepLeft, type TimePromise } from './time-promise.js';

/**
 * Promises how long a run takes, from the start of its command on, and measures first what this machine lacks
 * of roofs and factors. Where nothing can be promised before that, it is promised then.
 * @returns how long the sweep takes; null when the command was ended meanwhile.
 */
export async function begin(control: ControlConnection, job: Job): Promise<SweepTime | null> {
  const { sweep, space, here, folders } = job;
  const crowded = crowding();
  const first = job.options.roofs ? await firstSeconds(job, crowded) : 0;
  const timeOf = async (before: number) =>
    sweepTime(sweep, space, await timeEstimator(here, folders), { firstSeconds: before, crowding: crowded });
  const time = await timeOf(first);
  if (first === 0) {
    await promiseRun(control, job, time);
    return time;
  }
  if (time.promise === null) sayFirst(first, time, job, crowded);
  else await promiseRun(control, job, time);
  const until = performance.now() + 1000 * (first - crowded * BEHIND_SECONDS);
  if (await measureFirst(job, until)) return null;
  const known = await timeOf(0);
  if (time.promise === null) await promiseRun(control, job, known);
  return known;
}

/** @param until on the clock of `performance`. @returns whether the command was ended. */
async function measureFirst({ sweep, here, folders }: Job, until: number): Promise<boolean> {
  const asked = askedOfFactors(sweep, folders);
  return await unlessTerminated(async (signal) => {
    await measureMissing(here, signal, FOREGROUND);
    const left = (until - performance.now()) / 1000;
    if (asked !== null) await fitMissing(here, asked, Math.max(LEAST_FIT_SECONDS, left), signal, FOREGROUND);
  });
}

/** Says what comes first where it alone tells how long the rest takes. */
function sayFirst(first: number, { how }: SweepTime, { sweep, space, promise }: Job, crowded: number): void {
  const starts = how === null ? secondsOfStarts(sweep, space.count) : null;
  const all =
    starts === null ? '' : `about ${duration(first + crowded * starts)} in all where a repeat is short: `;
  say(
    `${all}first the roofs and factors of this machine, ${duration(first)} at most, which tell how long the rest takes`,
  );
  const { spent } = promise;
  promise.promise(spent + first, 'until the rest is known');
  promise.expect(() => leftOf('roofs and factors are still measured', 0, promise.spent - spent));
}

/** Says how long a run takes, from its beginning on; of one that is taken up again, what is left of it. */
async function promiseRun(
  control: ControlConnection,
  { sweep, promise }: Job,
  time: SweepTime,
): Promise<void> {
  if (time.promise === null) {
    promise.end();
    say(`no promise of how long it takes: ${time.promiseAbsent}`);
    return;
  }
  const { sweeps } = await control.listSweeps();
  const known = sweeps.find((one) => one.sweepId === sweepId(sweep));
  const lacking = known === undefined ? 1 : known.trialsLeft / (known.points * known.starts);
  const { sweepSeconds, firstSeconds: before, crowding: crowded } = time.promise;
  const { spent } = promise;
  const left = before + crowded * (OPEN_SECONDS + closeSeconds(time.promise.starts)) + lacking * sweepSeconds;
  const { starts } = sweep.startsPolicy;
  const measured = before > 0 ? `, with ${duration(before)} for roofs and factors at most` : '';
  say(
    `${promiseText(spent + left)}${crowdedText(time.promise)}: ${starts} ${starts === 1 ? 'start' : 'starts'} of each row${measured}`,
  );
  promise.promise(AT_MOST * (spent + left));
  promise.expect(() => leftOf('no trial has begun yet', left, promise.spent - spent));
}

/**
 * @returns the seconds that a sweep may take from now on, whatever the neighbours; undefined where nothing is
 *   promised.
 */
export function budgetOf({ left }: TimePromise, { promise }: SweepTime): number | undefined {
  if (left === null || promise === null) return undefined;
  // Ending the trial that runs when time is over, and the report.
  const last = 2 + closing(promise);
  // Points that are to be tried again are none of those that are lacking.
  return Math.max(left - last, promise.sweepSeconds / (promise.starts + 1));
}

/** Seconds that the report takes beside what else runs here, about. */
const closing = ({ starts }: Pick<Promised, 'starts'>) => closeSeconds(starts) * crowding();

/** From here on this is left: what a sweep lacks, and the report. */
export function expectSweep(promise: TimePromise, pace: SweepPace, time: SweepTime): void {
  const { promise: promised } = time;
  if (promised === null) return;
  const { sweepSeconds, starts } = promised;
  promise.expect(() => followed(sweepLeft(pace, sweepSeconds / starts), closing(promised)));
}

/** From here on the report is left. */
export function expectReport(promise: TimePromise, time: SweepTime): void {
  const { promise: promised } = time;
  if (promised === null) return;
  const { spent } = promise;
  const at = 'the report is not written yet';
  promise.expect(() => followed(leftOf(at, 0, promise.spent - spent), closing(promised)));
}
