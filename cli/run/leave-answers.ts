import { join } from 'node:path';
import { cachedBodies, FolderBodies } from '../../artifacts/files/bodies.js';
import { bodiesOf } from '../../core/result/bodies.js';
import type { ResultRecord } from '../../core/result/result.js';
import { say } from '../output/print.js';
import { ANSWERS, CALLS } from '../report/run-folder.js';

/**
 * Leaves the answers and calls that records refer to in the folder of a run, out of the cache of the node
 * that asked.
 */
export async function leaveAnswers(
  folder: string,
  records: readonly ResultRecord[],
  cacheFolder: string,
): Promise<void> {
  const bodies = records.flatMap(bodiesOf);
  for (const what of [ANSWERS, CALLS] as const) {
    const [here, cached] = [new FolderBodies(join(folder, what)), cachedBodies(what, cacheFolder)];
    const digests = new Set(bodies.flatMap(({ kind, digest }) => (kind === what ? [digest] : [])));
    let lost = 0;
    for (const digest of digests) if (!(await here.take(digest, cached))) lost += 1;
    if (lost > 0)
      say(
        `${lost} of ${digests.size} files of ${what} are no longer in the cache of this machine: ${folder} has none of them`,
      );
  }
}
