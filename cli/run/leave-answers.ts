import { join } from 'node:path';
import { callBodies, callsFolder } from '../../agent/graph/kept.js';
import { answersFolder } from '../../agent/quality/answers.js';
import { answerBodies } from '../../agent/quality/kept.js';
import { bodiesOf } from '../../core/result/bodies.js';
import type { ResultRecord } from '../../core/result/result.js';
import { say } from '../output/print.js';
import { ANSWERS, CALLS } from '../report/run-folder.js';

/** Leaves the answers and calls that records refer to in the folder of a run, out of the cache of the node that asked. */
export async function leaveAnswers(
  folder: string,
  records: readonly ResultRecord[],
  cacheFolder: string,
): Promise<void> {
  const bodies = records.flatMap(bodiesOf);
  const stores = [
    ['answers', answerBodies(join(folder, ANSWERS)), answerBodies(answersFolder(cacheFolder))],
    ['calls', callBodies(join(folder, CALLS)), callBodies(callsFolder(cacheFolder))],
  ] as const;
  for (const [what, here, cached] of stores) {
    const digests = new Set(bodies.flatMap(({ kind, digest }) => (kind === what ? [digest] : [])));
    let lost = 0;
    for (const digest of digests) if (!(await here.take(digest, cached))) lost += 1;
    if (lost > 0)
      say(
        `${lost} of ${digests.size} files of ${what} are no longer in the cache of this machine: ${folder} has none of them`,
      );
  }
}
