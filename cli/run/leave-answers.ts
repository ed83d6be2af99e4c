import { join } from 'node:path';
import { answersFolder } from '../../agent/quality/answers.js';
import { answerBodies } from '../../agent/quality/kept.js';
import type { ResultRecord } from '../../core/result/result.js';
import { say } from '../output/print.js';
import { ANSWERS } from '../report/run-folder.js';

/** Leaves the answers that records refer to in the folder of a run, out of the cache of the node that asked. */
export async function leaveAnswers(
  folder: string,
  records: readonly ResultRecord[],
  cacheFolder: string,
): Promise<void> {
  const digests = new Set(
    records.flatMap(({ quality }) => (quality?.answers ?? []).map(({ digest }) => digest)),
  );
  const [here, cached] = [answerBodies(join(folder, ANSWERS)), answerBodies(answersFolder(cacheFolder))];
  let lost = 0;
  for (const digest of digests) if (!(await here.take(digest, cached))) lost += 1;
  if (lost === 0) return;
  say(
    `${lost} of ${digests.size} files of answers are no longer in the cache of this machine: ${folder} has none of them`,
  );
}
