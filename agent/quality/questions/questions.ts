import { z } from 'zod';
import type { ModelSettings } from '../../../artifacts/files/resolve.js';
import { locateSource } from '../../../artifacts/files/source.js';
import { failed } from '../../../core/errors.js';
import type { QualityRequest } from '../../../core/quality/outcome.js';
import type { TaskChoice } from '../../../core/quality/tasks/asking.js';
import type { Task } from '../../../core/quality/tasks/few-shot.js';
import { digestOf } from '../../../process/digest.js';
import { scorerNames } from '../scoring/scorers.js';
import { digestsOf } from './digests.js';
import { type ReadTasks, readTasks } from './task-files.js';

/** Task files without errors. */
export type Sound = Extract<ReadTasks, { ok: true }>;

/** What checking task files once tells of them for as long as they stay as they are. */
export const checkedSchema = z.object({
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
export type Checked = z.output<typeof checkedSchema>;

/** Where the files of questions may lie, and where their digests are kept. */
export type Places = Pick<ModelSettings, 'modelFolders' | 'cacheFolder'>;

/**
 * Questions by the files that they are in. The process that asks them reads them: a hundred thousand
 * questions are neither read nor handed over by whoever only has them asked.
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

/**
 * Reads task files with every item in this process, which is a child.
 * @throws FailureError `impossible-combination` with every error of every file.
 */
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

/** @returns the digest of a file of questions, as it is now. */
export const digestAt = async (path: string, places: Places) =>
  await digestOf(locateSource(path, places), places.cacheFolder);

/** @returns the first file that is another one now, or is gone; null where all are as they were. */
export async function changedOf(files: Checked['files'], places: Places): Promise<string | null> {
  for (const { path, digest } of files)
    if ((await digestAt(path, places).catch(() => null)) !== digest) return path;
  return null;
}
