import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Launcher } from '../../../artifacts/files/build-file.js';
import { readNote } from '../../../artifacts/files/note.js';
import type { ModelSettings } from '../../../artifacts/files/resolve.js';
import { locateSource } from '../../../artifacts/files/source.js';
import { FailureError, failed } from '../../../core/errors.js';
import type { QualityRequest } from '../../../core/quality/outcome.js';
import type { TaskChoice } from '../../../core/quality/tasks/asking.js';
import type { Task } from '../../../core/quality/tasks/few-shot.js';
import { canonicalJson } from '../../../core/sweep/identity.js';
import { writeWhole } from '../../../formats/whole-file.js';
import { digestOf } from '../../../process/digest.js';
import { taskOf } from '../../../process/isolation/job.js';
import { VERSION } from '../../../process/package.js';
import { QUESTIONS } from '../jobs.js';
import { scorerNames } from '../scoring/scorers.js';
import { digestsOf } from './digests.js';
import { type ReadTasks, readTasks } from './task-files.js';

type Sound = Extract<ReadTasks, { ok: true }>;

/** What checking task files once tells of them for as long as they stay as they are. */
const checkedSchema = z.object({
  /** Every file that was read. */
  files: z.array(z.object({ path: z.string(), digest: z.string() })),
  tasks: z.array(
    z.object({
      name: z.string(),
      asking: z.string(),
      scoring: z.string(),
      /** Asked by the model's own template. */
      chat: z.boolean(),
      /** External scorers that it names. */
      scorers: z.array(z.string()),
    }),
  ),
});
type Checked = z.output<typeof checkedSchema>;

/** Where the files of questions may lie, and where their digests are kept. */
type Places = Pick<ModelSettings, 'modelFolders' | 'cacheFolder'>;

/**
 * Questions by the files that they are in. The process that asks them reads them: a hundred thousand questions are neither read nor handed over by
 * whoever only has them asked.
 */
export interface QuestionFiles extends Pick<QualityRequest, 'text' | 'rankings'>, Pick<Checked, 'files'> {
  /** Those that are asked, of the tasks in the files. */
  readonly tasks: readonly Pick<Checked['tasks'][number], 'name'>[];
  readonly named: readonly TaskChoice[];
  readonly places: Places;
}

/** A job whose questions may be given by their files. */
export type ByFiles<Job extends { readonly request: QualityRequest }> = Omit<Job, 'request'> & {
  readonly request: QualityRequest | QuestionFiles;
};

/** Task files that are to be read. */
export interface QuestionsRequest {
  /** By whole paths. */
  readonly named: readonly TaskChoice[];
  readonly places: Places;
}

/** What task files hold, without their items. */
export interface QuestionsFound extends Pick<Checked, 'tasks'>, Pick<Sound, 'files' | 'rankings'> {}

/** Of a child that reads task files. Files of a hundred thousand items take it some seconds and some hundred megabytes. */
const LIMITS = { timeLimitSeconds: 300, memoryLimitBytes: 2 * 2 ** 30 };

/**
 * Has a child check task files with every item in them, unless that was done before and none has changed since. A stranger may have written their
 * templates: the time and memory that these take end with the child.
 * @param named by whole paths.
 * @throws FailureError `impossible-combination` with every error of every file, or for files that take the child's time or its memory, or bring it down.
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

/** Reads task files with every item in this process, which is a child. @throws FailureError `impossible-combination` with every error of every file. */
export function questionsIn({ named, places }: QuestionsRequest): QuestionsFound {
  const { tasks, rankings, files } = soundTasks(named, places);
  return { files, tasks: tasks.map(checkedOf), rankings };
}

function checkedOf(task: Task): Checked['tasks'][number] {
  const { name, spec } = task;
  return { name, ...digestsOf(task), chat: spec.chat, scorers: scorerNames([task]) };
}

/**
 * @returns the job with its questions read.
 * @throws FailureError `digest-mismatch` for files that have changed since they were checked.
 */
export async function withQuestions<Job extends { readonly request: QualityRequest }>(
  job: ByFiles<Job>,
): Promise<Job> {
  const { request } = job;
  if (!('named' in request)) return job as Job;
  const { text, rankings, named, places } = request;
  const names = request.tasks.map(({ name }) => name);
  const read = names.length === 0 ? [] : soundTasks(named, places, 'tasks').tasks;
  const changed = await changedOf(request.files, places);
  if (changed !== null) throw failed('digest-mismatch', `${changed} was changed after it had been checked`);
  const tasks = read.filter(({ name }) => names.includes(name));
  return { ...job, request: { text, tasks, ...(rankings !== undefined && { rankings }) } } as unknown as Job;
}

function soundTasks(named: readonly TaskChoice[], places: Places, only?: 'tasks'): Sound {
  const read = readTasks(named, (path) => locateSource(path, places), only);
  if (read.ok) return read;
  const hint = 'Correct the task files; `ridge quality --task FILE` checks them one by one.';
  throw failed('impossible-combination', read.errors.join('; '), hint);
}

const digestAt = async (path: string, places: Places) =>
  await digestOf(locateSource(path, places), places.cacheFolder);

/** @returns the first file that is another one now, or is gone; null where all are as they were. */
async function changedOf(files: Checked['files'], places: Places): Promise<string | null> {
  for (const { path, digest } of files)
    if ((await digestAt(path, places).catch(() => null)) !== digest) return path;
  return null;
}
