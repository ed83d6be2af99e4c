import type { Launcher } from '../../artifacts/files/build-file.js';
import type { ModelSettings } from '../../artifacts/files/resolve.js';
import { locateSource } from '../../artifacts/files/source.js';
import { locateText } from '../../artifacts/files/text.js';
import type { QualityPolicy } from '../../core/experiment/experiment.js';
import type { TextRequest } from '../../core/quality/outcome.js';
import type { QuestionsOfTask } from '../../core/quality/questions.js';
import { chosenTask } from '../../core/quality/tasks/asking.js';
import { digestOf } from '../../process/digest.js';
import { checkTasks } from './checked-tasks.js';
import { digestsOfRanking, digestsOfText, withJudges } from './questions/digests.js';
import type { QuestionFiles } from './questions/questions.js';
import { identityOf, type Scorers, scorersNamed } from './scoring/scorers.js';

/** What a sweep asks about answers, with everything checked that it names. */
export interface EvaluationSpec {
  readonly request: QuestionFiles;
  readonly textDigest: string | null;
  /** Of every file that the tasks are made of. */
  readonly taskDigests: readonly string[];
  /** By what the text and each task are asked and scored: what answers are kept by. */
  readonly questions: readonly QuestionsOfTask[];
  /** Tasks that are asked by the model's own chat template. */
  readonly chats: readonly string[];
  /** Commands of the node that the tasks name. */
  readonly scorers: Scorers;
}

/**
 * @param scorers what the node's config has. @param launcher starts the child that reads task files.
 * @throws FailureError `source-not-allowed`, `model-missing` for files and scorers, `impossible-combination`
 *   for task files with errors, all of them in the message.
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
  const { files, tasks, rankings } = await checkTasks(named, places, launcher);
  const commands = scorersNamed([...new Set(tasks.flatMap((task) => task.scorers))], scorers);
  const textDigest = text === null ? null : await digestOf(text.path, cacheFolder);
  const judges = await identityOf(commands, cacheFolder);
  const ofTasks = tasks.map(({ name, asking, scoring, scorers: own }) => {
    const theirs = Object.fromEntries(own.map((scorer) => [scorer, judges[scorer]]));
    return { task: name, ...withJudges({ asking, scoring }, theirs) };
  });
  const ofRankings = rankings.map(async (ranking) => {
    const paths = Object.values(ranking.files).filter((path) => path !== null);
    const digests = await Promise.all(paths.map((path) => digestOf(path, cacheFolder)));
    return { task: ranking.name, ...digestsOfRanking(ranking, digests) };
  });
  const ofText = text === null ? [] : [{ task: null, ...digestsOfText(text, textDigest ?? '') }];
  return {
    request: { text, tasks, files, named, places, ...(rankings.length > 0 && { rankings }) },
    textDigest,
    taskDigests: files.map(({ digest }) => digest),
    questions: [...ofText, ...ofTasks, ...(await Promise.all(ofRankings))],
    chats: tasks.flatMap(({ name, chat }) => (chat ? [name] : [])),
    scorers: commands,
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
