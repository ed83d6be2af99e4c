import type { ModelSettings } from '../../artifacts/files/resolve.js';
import { locateSource } from '../../artifacts/files/source.js';
import { locateText } from '../../artifacts/files/text.js';
import { failed } from '../../core/errors.js';
import type { QualityPolicy } from '../../core/experiment/experiment.js';
import type { QualityRequest, TextRequest } from '../../core/quality/outcome.js';
import { chosenTask, type TaskChoice } from '../../core/quality/tasks/asking.js';
import { digestOf } from '../../process/digest.js';
import { type Scorers, scorersOf } from './scorers.js';
import { readTasks } from './task-files.js';

/** What a sweep asks about answers, with everything read that it names. */
export interface EvaluationSpec {
  readonly request: QualityRequest;
  readonly textDigest: string | null;
  /** Of every file that the tasks are made of. */
  readonly taskDigests: readonly string[];
  /** Tasks that are asked otherwise than their files say. */
  readonly otherwise: readonly TaskChoice[];
  /** Commands of the node that the tasks name. */
  readonly scorers: Scorers;
}

/**
 * @param scorers what the node's config has.
 * @throws FailureError `source-not-allowed`, `model-missing` for files and scorers, `impossible-combination` for task
 * files with errors, all of them in the message.
 */
export async function evaluationOf(
  policy: QualityPolicy,
  settings: ModelSettings,
  scorers: Scorers,
): Promise<EvaluationSpec> {
  const text = policy.text === null ? null : textRequest(policy.text, policy, settings);
  const digest = (path: string) => digestOf(path, settings.cacheFolder);
  // The first look-up allows a path relative to any model folder; what a file then names is a whole path.
  const chosen = policy.tasks.map(chosenTask);
  const named = chosen.map(({ file, ...rest }) => ({ ...rest, file: locateSource(file, settings) }));
  const read = readTasks(named, (path) => locateSource(path, settings));
  if (!read.ok) {
    const hint = 'Correct the task files; `ridge quality --task FILE` checks them one by one.';
    throw failed('impossible-combination', read.errors.join('; '), hint);
  }
  return {
    request: { text, tasks: read.tasks, ...(read.rankings.length > 0 && { rankings: read.rankings }) },
    textDigest: text === null ? null : await digest(text.path),
    taskDigests: await Promise.all(read.files.map(digest)),
    otherwise: policy.tasks.flatMap((task) => (typeof task === 'string' ? [] : [task])),
    scorers: scorersOf(read.tasks, scorers),
  };
}

function textRequest(source: string, policy: QualityPolicy, settings: ModelSettings): TextRequest {
  const { windows: scheme, contextTokens: context, stride, maxWindows } = policy;
  return {
    path: locateText(source, settings),
    windows: { scheme, context, stride, maxWindows },
    basePrecision: scheme === 'llama' ? 'llama' : 'exact',
  };
}
