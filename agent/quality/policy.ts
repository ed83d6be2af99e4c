import type { Launcher } from '../../artifacts/files/build-file.js';
import type { ModelSettings } from '../../artifacts/files/resolve.js';
import { locateSource } from '../../artifacts/files/source.js';
import { locateText } from '../../artifacts/files/text.js';
import type { QualityPolicy } from '../../core/experiment/experiment.js';
import type { TextRequest } from '../../core/quality/outcome.js';
import { chosenTask, type TaskChoice } from '../../core/quality/tasks/asking.js';
import { digestOf } from '../../process/digest.js';
import { checkTasks, type QuestionFiles } from './questions.js';
import { type Scorers, scorersNamed } from './scorers.js';

/** What a sweep asks about answers, with everything checked that it names. */
export interface EvaluationSpec {
  readonly request: QuestionFiles;
  readonly textDigest: string | null;
  /** Of every file that the tasks are made of. */
  readonly taskDigests: readonly string[];
  /** Tasks that are asked otherwise than their files say. */
  readonly otherwise: readonly TaskChoice[];
  /** Commands of the node that the tasks name. */
  readonly scorers: Scorers;
}

/**
 * @param scorers what the node's config has. @param launcher starts the child that reads task files.
 * @throws FailureError `source-not-allowed`, `model-missing` for files and scorers, `impossible-combination` for task
 * files with errors, all of them in the message.
 */
export async function evaluationOf(
  policy: QualityPolicy,
  settings: ModelSettings,
  scorers: Scorers,
  launcher: Launcher,
): Promise<EvaluationSpec> {
  const text = policy.text === null ? null : textRequest(policy.text, policy, settings);
  // The first look-up allows a path relative to any model folder; what a file then names is a whole path.
  const chosen = policy.tasks.map(chosenTask);
  const named = chosen.map(({ file, ...rest }) => ({ ...rest, file: locateSource(file, settings) }));
  const { modelFolders, cacheFolder } = settings;
  const places = { modelFolders, cacheFolder };
  const { files, tasks, rankings, scorers: judges } = await checkTasks(named, places, launcher);
  return {
    request: { text, tasks, files, named, places, ...(rankings.length > 0 && { rankings }) },
    textDigest: text === null ? null : await digestOf(text.path, cacheFolder),
    taskDigests: files.map(({ digest }) => digest),
    otherwise: policy.tasks.flatMap((task) => (typeof task === 'string' ? [] : [task])),
    scorers: scorersNamed(judges, scorers),
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
