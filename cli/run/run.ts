import { join } from 'node:path';
import type { ResultRecord } from '../../core/result/result.js';
import { say } from '../output/print.js';
import { DEFAULT_OUT } from '../report/run-folder.js';
import { startError } from '../start-error.js';
import type { SweepFile } from '../sweep-file.js';
import { thisNode } from '../this-node.js';
import type { RunOptions } from './command.js';
import { folderError, openRunFolder } from './folder.js';
import { runIn } from './in-process.js';
import { prepare } from './prepare.js';
import { TimePromise } from './time-promise.js';

/**
 * `ridge run`: a coordinator and an agent in this process, talking over loopback gRPC exactly as they do
 * between machines, for one sweep.
 * @param onRow is told each result that counts as it comes.
 * @returns 0 when every experiment has a valid result, 1 when some failed, 4 when some are invalid, 130 when
 *   it was interrupted.
 */
export async function runSweep(
  asked: SweepFile,
  typed: RunOptions,
  onRow: ((record: ResultRecord) => void) | null = null,
): Promise<number> {
  const prepared = await prepare(asked, typed);
  const { document, sweep, options } = prepared;
  const out = options.out ?? join(DEFAULT_OUT, sweep.name);
  const folder = openRunFolder(out, { document, typed: prepared.typed }, options.fresh === true);
  try {
    if (options.reuse === true) {
      const { takeOver } = await import('./take-over.js');
      await takeOver(folder, sweep, (await thisNode(options.config)).profile);
    }
    return await runIn(folder, { ...prepared, promise: new TimePromise(say), onRow });
  } catch (error) {
    throw folderError(startError(error), folder.path);
  } finally {
    folder.release();
  }
}
