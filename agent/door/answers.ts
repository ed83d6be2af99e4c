import { createHash } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { attachedAndMerged } from '../../artifacts/door/make.js';
import { lacksChatTemplate } from '../../artifacts/door/open.js';
import { FolderBodies } from '../../artifacts/files/bodies.js';
import type { Launcher } from '../../artifacts/files/build-file.js';
import type { ModelSettings, ResolvedModel } from '../../artifacts/files/resolve.js';
import { locateSource } from '../../artifacts/files/source.js';
import { failed } from '../../core/errors.js';
import type { JudgeDefinition } from '../../core/quality/judging/definition.js';
import type { QualityOutcome, QualityRequest } from '../../core/quality/outcome.js';
import type { TaskChoice } from '../../core/quality/tasks/asking.js';
import { readAnswerOptions } from '../../core/runners/answer-options.js';
import { defaultRunnerFor, runnerOffers } from '../../core/runners/index.js';
import { canonicalJson } from '../../core/sweep/identity.js';
import type { Sweep } from '../../core/sweep/spec.js';
import { workloadNamed } from '../../core/workloads/index.js';
import { formatOf } from '../../formats/index.js';
import { spareCpus } from '../../process/device/spare-cpus.js';
import { type Task, taskOf } from '../../process/isolation/job.js';
import { answered, type LaunchRequest, launch, UNBOUND } from '../../process/isolation/launch.js';
import { type NodeCommands, usedBy } from '../graph/allowed.js';
import { readGraph } from '../graph/files.js';
import type { AnswersKept } from '../quality/asking/kept.js';
import type { QualityModel } from '../quality/asking/language-model.js';
import { COMPARE, EXITS, JUDGE, QUALITY, type QualityReport } from '../quality/jobs.js';
import type { ExitsJob } from '../quality/opened/exits.js';
import type { JudgedScore } from '../quality/opened/judge.js';
import { evaluationOf } from '../quality/policy.js';
import { readTasks } from '../quality/questions/task-files.js';
import type { AnswerToScore } from '../quality/scoring/external-scorer.js';
import { type Scorers, scorerNames, scorersNamed } from '../quality/scoring/scorers.js';
import type { QualityProgress } from '../quality/watch.js';

// What commands ask of this room to be asked of models.

/** Where a model that is asked runs; without a number of threads on as many as find a CPU of their own. */
type AskedOn = { readonly device: string; readonly threads?: number };

/**
 * @param given options of its runner that change answers; left out = the defaults.
 * @returns how a model is asked: by the first runner that opens its format.
 * @throws FailureError `impossible-combination`
 */
async function askedModel(
  { path, facts }: Pick<ResolvedModel, 'path' | 'facts'>,
  { threads, device }: AskedOn,
  given: Readonly<Record<string, unknown>> = {},
) {
  // It may have been converted.
  const format = path === null ? facts.format : formatOf(path).name;
  const runnerKind = defaultRunnerFor('language-model', format);
  const read = readAnswerOptions(runnerKind, given);
  if (!read.ok) throw failed('impossible-combination', `options of the runner: ${read.message}`);
  return {
    runnerKind,
    modelPath: path,
    options: { ...read.value, threads: threads ?? (await spareCpus()) },
    deviceClass: device,
    deviceId: '',
    cpus: [],
  } satisfies QualityModel;
}

/** Who is told how far questions are, and who starts their child. */
interface Asking {
  readonly launcher: Launcher;
  progress(progress: QualityProgress): void;
}

/** @throws FailureError what the child died of. */
async function ask<Answer>(task: Task<Answer, QualityReport>, { launcher, progress }: Asking) {
  const onMessage: LaunchRequest<Answer, QualityReport>['onMessage'] = (message) => {
    if (message.type === 'quality-progress') progress(message.progress);
  };
  return await answered(launcher({ task, ...UNBOUND, onMessage }));
}

/**
 * Reads task files with the items that they name.
 * @param otherwise how tasks are asked, other than their files say; left out = as they say.
 * @param known scorers of this node.
 * @returns every error of every file where there is one.
 * @throws FailureError `source-not-allowed` for a scorer that is not there.
 */
export function readQuestions(
  paths: readonly string[],
  otherwise: Omit<TaskChoice, 'file'> | undefined,
  known: Scorers,
) {
  const read = readTasks(otherwise === undefined ? paths : paths.map((file) => ({ ...otherwise, file })));
  if (!read.ok) return read;
  return { ...read, scorers: scorersNamed(scorerNames(read.tasks), known) };
}

interface ScoreAsked {
  readonly model: ResolvedModel;
  /** The model to compare with; null = none. */
  readonly base: ResolvedModel | null;
  readonly request: QualityRequest;
  readonly scorers: Scorers;
  /** Options of the model's runner that change answers; the base has the defaults. */
  readonly runnerOptions: Readonly<Record<string, unknown>>;
  /**
   * A file that gets what was said to each item; null = none does. Beside it, until it is whole, there is a
   * journal, at which the same request goes on.
   */
  readonly answersPath: string | null;
}

/** Scores a model on a text and on tasks. @throws FailureError */
export async function scoreModel(
  { model, base, request, scorers, runnerOptions, answersPath }: ScoreAsked,
  on: AskedOn,
  asking: Asking,
): Promise<QualityOutcome> {
  const asked = {
    model: await askedModel(model, on, runnerOptions),
    base: base === null ? null : await askedModel(base, on),
  };
  const score = (answers?: AnswersKept) =>
    ask(
      taskOf(QUALITY, {
        ...asked,
        request,
        scorers,
        trainedContext: model.facts.contextLength,
        ...(answers !== undefined && { answers }),
      }),
      asking,
    );
  if (answersPath === null) return await score();
  // How many threads there are changes no answer.
  const { threads: _, ...telling } = asked.model.options;
  const follows = {
    models: [asked.model.runnerKind, telling, on.device, model.digest, base?.digest ?? null],
    request,
    scorers,
  };
  const identity = createHash('sha256').update(canonicalJson(follows)).digest('hex');
  const folder = mkdtempSync(join(dirname(answersPath), '.answers-'));
  const journal = `${answersPath}.journal`;
  try {
    const outcome = await score({ journal, identity, folder });
    if (outcome.answers != null) {
      renameSync(new FolderBodies(folder).pathOf(outcome.answers.digest), answersPath);
      rmSync(journal, { force: true });
    }
    return outcome;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Lets a model rate answers.
 * @param tell is given each score as it comes.
 * @returns them in the order of the questions.
 * @throws FailureError
 */
export async function rateAnswers(
  model: ResolvedModel,
  judge: JudgeDefinition,
  questions: readonly AnswerToScore[],
  on: AskedOn,
  tell: (id: string, score: JudgedScore) => void,
): Promise<JudgedScore[]> {
  const scores: JudgedScore[] = [];
  const asked = await askedModel(model, on);
  const child = launch({
    task: taskOf(JUDGE, { model: asked, questions, judge }),
    ...UNBOUND,
    onMessage: (message) => {
      if (message.type !== 'score') return;
      const { type: _, id, ...score } = message;
      scores.push(score);
      tell(id, score);
    },
  });
  await answered(child);
  return scores;
}

/** Asks a GGUF file at several depths about a text. @throws FailureError */
export async function readExits(
  model: ResolvedModel & { readonly path: string },
  asked: Omit<ExitsJob, 'model'>,
  on: AskedOn,
  asking: Asking,
) {
  const at = { ...(await askedModel(model, on)), modelPath: model.path };
  return await ask(taskOf(EXITS, { ...asked, model: at }), asking);
}

/**
 * Holds the logits of a model with adapters beside its weights, and of the one with them in its weights,
 * against each other.
 * @param on where both run.
 * @param windows `context` is cut to what the model was trained for.
 * @throws FailureError
 */
export async function compareMerged(
  { base, adapters, mergedPath }: Awaited<ReturnType<typeof attachedAndMerged>>,
  path: string,
  windows: { readonly context: number; readonly maxWindows: number | null },
  on: AskedOn,
  asking: Asking,
) {
  const context = Math.min(windows.context, base.facts.contextLength ?? Number.POSITIVE_INFINITY);
  const task = taskOf(COMPARE, {
    base: { ...(await askedModel(base, on)), adapters },
    model: await askedModel({ ...base, path: mergedPath }, on),
    path,
    windows: { scheme: 'llama', stride: null, ...windows, context },
  });
  return await ask(task, asking);
}

/**
 * Reads what a sweep asks about answers, and the graphs that it names, at each of their settings: an error in
 * a file would otherwise fail every trial of hours.
 * @param node what its configuration lets graphs run and scores come from.
 * @param onError is given what cannot be read, of which.
 * @returns tasks that some of its models cannot be asked, as far as that is known here.
 */
export async function checkAsked(
  { quality, workloads, models, runners }: Sweep,
  settings: ModelSettings,
  node: NodeCommands,
  onError: (of: 'quality' | 'graph', error: unknown) => void,
): Promise<readonly UnaskedTask[]> {
  const spec =
    quality === null
      ? null
      : await evaluationOf(quality, settings, node.scorers, launch).catch((error) => {
          onError('quality', error);
          return null;
        });
  const locate = (path: string) => locateSource(path, settings);
  for (const { kind, axes } of workloads) {
    if (workloadNamed(kind)?.needs !== 'completions') continue;
    const valuesOf = (name: string) => axes.find((axis) => axis.name === name)?.values ?? [null];
    for (const graph of valuesOf('graph')) {
      for (const changed of valuesOf('settings')) {
        if (typeof graph !== 'string') continue;
        try {
          usedBy(readGraph(locate(graph), changed === null ? null : String(changed), locate).graph, node);
        } catch (error) {
          onError('graph', error);
        }
      }
    }
  }
  return spec === null || runners.some(({ kind }) => hasServer(kind))
    ? []
    : unaskedOf(models, spec.chats, settings);
}

/** A task that a model cannot be asked. */
export interface UnaskedTask {
  readonly task: string;
  /** Its name in the sweep. */
  readonly model: string;
}

/** A server renders chats itself. */
const hasServer = (kind: string) => runnerOffers(kind, 'endpoint');

/** @returns the tasks that are asked by a chat template, of each model that is here and has none. */
function unaskedOf(
  models: Sweep['models'],
  chats: readonly string[],
  settings: ModelSettings,
): UnaskedTask[] {
  if (chats.length === 0) return [];
  return models.flatMap(({ name, source }) =>
    lacksChatTemplate(source, settings) ? chats.map((task) => ({ task, model: name })) : [],
  );
}
