import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Launcher } from '../../artifacts/files/build-file.js';
import { readNote } from '../../artifacts/files/note.js';
import { FailureError, failed } from '../../core/errors.js';
import type { TaskChoice } from '../../core/quality/tasks/asking.js';
import { canonicalJson } from '../../core/sweep/identity.js';
import { writeWhole } from '../../formats/whole-file.js';
import { taskOf } from '../../process/isolation/job.js';
import { VERSION } from '../../process/package.js';
import { QUESTIONS } from './jobs.js';
import {
  type Checked,
  changedOf,
  checkedSchema,
  digestAt,
  type Places,
  type QuestionsFound,
  type QuestionsRequest,
  type Sound,
} from './questions/questions.js';

/**
 * Of a child that reads task files. Files of a hundred thousand items take it some seconds and some hundred
 * megabytes.
 */
const LIMITS = { timeLimitSeconds: 300, memoryLimitBytes: 2 * 2 ** 30 };

/**
 * Has a child check task files with every item in them, unless that was done before and none has changed
 * since. A stranger may have written their templates: the time and memory that these take end with the child.
 * @param named by whole paths.
 * @throws FailureError `impossible-combination` with every error of every file, or for files that take the
 *   child's time or its memory, or bring it down.
 */
export async function checkTasks(
  named: readonly TaskChoice[],
  places: Places,
  launcher: Launcher,
): Promise<Checked & Pick<Sound, 'rankings'>> {
  const folder = join(places.cacheFolder, 'questions');
  const asked = canonicalJson({ version: VERSION, modelFolders: places.modelFolders, named });
  const note = join(folder, `${createHash('sha256').update(asked).digest('hex').slice(0, 32)}.json`);
  const known = await readNote(note, checkedSchema);
  if (known !== null && (await changedOf(known.files, places)) === null) return { ...known, rankings: [] };
  const { tasks, rankings, files } = await foundByChild({ named, places }, launcher);
  const checked: Checked = {
    files: await Promise.all(files.map(async (path) => ({ path, digest: await digestAt(path, places) }))),
    tasks,
  };
  // What is ranked is kept nowhere: it says when its files were written.
  if (rankings.length === 0) {
    await mkdir(folder, { recursive: true });
    await writeWhole(note, JSON.stringify(checked));
  }
  return { ...checked, rankings };
}

async function foundByChild(request: QuestionsRequest, launcher: Launcher): Promise<QuestionsFound> {
  const { answer, failure } = await launcher({ task: taskOf(QUESTIONS, request), cpus: [], ...LIMITS }).ended;
  if (failure === null) return answer;
  if (!['timed-out', 'out-of-memory', 'crashed'].includes(failure.code)) throw new FailureError(failure);
  const files = request.named.map(({ file }) => file).join(', ');
  throw failed(
    'impossible-combination',
    `the task files ${files} are not usable: ${failure.message}`,
    'Ask fewer items or ways, or correct the templates; `ridge quality --task FILE` reads them one by one.',
  );
}
