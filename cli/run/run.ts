import { join } from 'node:path';
import { fitMissing, measureMissing } from '../../agent/door/roofs.js';
import type { ResultRecord } from '../../core/result/result.js';
import { duration } from '../../report/time-left.js';
import { EXIT } from '../exit.js';
import { askedOfFactors } from '../factors/asked.js';
import { unlessTerminated } from '../interrupts.js';
import { say } from '../output/print.js';
import { timeEstimator } from '../plan/estimate.js';
import { budgetOf, type SweepTime, sweepTime } from '../plan/sweep-time.js';
import { DEFAULT_OUT } from '../report/run-folder.js';
import { FOREGROUND } from '../single/foreground.js';
import { startError } from '../start-error.js';
import type { SweepFile } from '../sweep-file.js';
import { thisNode } from '../this-node.js';
import type { RunOptions } from './command.js';
import { folderError, openRunFolder } from './folder.js';
import { runIn } from './in-process.js';
import { type Prepared, prepare } from './prepare.js';

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
async function measureFirst(
  { sweep, space, here, folders, options }: Prepared,
  timeOf: () => Promise<SweepTime>,
): Promise<boolean> {
  // The same word of the environment keeps a node's agent from measuring them.
  if (!options.roofs || (process.env.RIDGE_ROOFS ?? 'auto') !== 'auto') return false;
  const asked = askedOfFactors(sweep, folders);
  if ((await timeOf()).how === null) sayFirst(budgetOf(sweep, space.count));
  return await unlessTerminated(async (signal) => {
    const begun = performance.now();
    await measureMissing(here, signal, FOREGROUND);
    const left = FIRST_SECONDS - (performance.now() - begun) / 1000;
    if (asked !== null) await fitMissing(here, asked, Math.max(LEAST_FIT_SECONDS, left), signal, FOREGROUND);
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

/**
 * `ridge run`: a coordinator and an agent in this process, talking over loopback gRPC exactly as they do
 * between machines, for one sweep.
 * @param onRow is told each result that counts as it comes.
 * @returns 0 when every experiment has a valid result, 1 when some failed, 4 when some are invalid, 130 when it was interrupted.
 */
export async function runSweep(
  asked: SweepFile,
  typed: RunOptions,
  onRow: ((record: ResultRecord) => void) | null = null,
): Promise<number> {
  const began = performance.now();
  const prepared = await prepare(asked, typed);
  const { document, sweep, space, models, folders, here, options } = prepared;
  const timeOf = async () => sweepTime(sweep, space, await timeEstimator(here, folders));
  if (await measureFirst(prepared, timeOf)) return EXIT.interrupted;

  const out = options.out ?? join(DEFAULT_OUT, sweep.name);
  const folder = openRunFolder(out, { document, typed: prepared.typed }, options.fresh === true);
  try {
    if (options.reuse === true) {
      const { takeOver } = await import('./take-over.js');
      await takeOver(folder, sweep, (await thisNode(options.config)).profile);
    }
    const time = await timeOf();
    return await runIn(folder, { document, sweep, models, folders, time, began, onRow }, options);
  } catch (error) {
    throw folderError(startError(error), folder.path);
  } finally {
    folder.release();
  }
}
