import { toFailure } from '../../core/errors.js';
import type { Experiment } from '../../core/experiment/experiment.js';
import { NO_QUALITY } from '../../core/models/synthetic.js';
import { joinedQuality, type QualityRecord } from '../../core/quality/record.js';
import { warn } from '../../core/result/warnings.js';
import { optionsFor, plainRunnerOf, runnerNamed, runnerOffers } from '../../core/runners/index.js';
import { PLACEMENT_OPTIONS } from '../../core/runners/placement.js';
import { questionsId } from '../../core/sweep/identity.js';
import { isSyntheticAdapter, readAdapter } from '../../core/techniques/adapter.js';
import { monotonicSeconds, wholeNanoseconds } from '../../process/isolation/clock.js';
import { taskOf } from '../../process/isolation/job.js';
import { type AnswerRequest, answersOf, wasInterrupted } from '../quality/answers.js';
import type { QualityModel } from '../quality/asking/language-model.js';
import { QUALITY, SERVED_QUALITY } from '../quality/jobs.js';
import type { QualityJob } from '../quality/opened/measure.js';
import { type EvaluationSpec, evaluationOf } from '../quality/policy.js';
import type { ByFiles } from '../quality/questions/questions.js';
import { askingWindow } from './asking-window.js';
import { childLimits, placeOf, type TrialRun } from './context.js';
import type { PreparedModel } from './preparation.js';
import { type ServedModel, whileServed } from './serve.js';

/**
 * Reads what the sweep asks about answers, before anything is timed: an error costs no measurement.
 * @returns null when nothing is asked, or nothing can be said; the notes then have the reason.
 * @throws FailureError for files that are missing, not allowed, or wrong.
 */
export async function prepareQuestions(
  { lease: { experiment, purpose }, node, notes, child }: TrialRun,
  model: PreparedModel | null,
): Promise<EvaluationSpec | null> {
  const why = purpose === 'probe' ? 'a probe asks no questions' : reasonNotAsked(experiment, model);
  if (why !== null) {
    notes.absent = { ...notes.absent, quality: why };
    return null;
  }
  if (experiment.quality === null) return null;
  return await evaluationOf(experiment.quality, node.models, node.scorers, child.launch);
}

/**
 * Compares the questions and scoring of today with those of a point's kept answers. Where both are the same,
 * no model is opened, and the record says so.
 * @returns whether they are the same; false for a trial that is not for new answers.
 * @throws as `prepareQuestions`.
 */
export async function asksTheSame({
  lease: { experiment, purpose, kept },
  node,
  notes,
  child,
}: TrialRun): Promise<boolean> {
  if (purpose !== 'quality' || experiment.quality === null || kept?.questions == null) return false;
  const { questions } = await evaluationOf(experiment.quality, node.models, node.scorers, child.launch);
  if (questionsId(questions) !== kept.questions) return false;
  const nothing = { text: null, tasks: [], textDigest: null, taskDigests: [], warnings: [], seconds: 0 };
  notes.quality = { ...nothing, questions: [...questions], reused: true };
  return true;
}

/**
 * Why answers would say nothing, or null. That the weights are random is noted whether or not anybody asks.
 */
function reasonNotAsked(
  { technique, runner, quality }: Experiment,
  model: PreparedModel | null,
): string | null {
  if (model === null) {
    const silent = quality !== null && !servesModels(runner.kind);
    return silent ? `the runner ${runner.kind} has no answers to judge` : null;
  }
  const adapter = readAdapter(technique.adapter);
  const random = adapter.ok && adapter.value?.parts.some(isSyntheticAdapter);
  return model.base.randomWeights || random ? NO_QUALITY : null;
}

/** A model to ask, and the base that it is compared with. */
export interface AskedModel {
  readonly base: PreparedModel['base'];
  readonly path: string;
  /** Of all that it is made of beside the adapters. */
  readonly digest: string;
  readonly adapters: PreparedModel['adapters'];
  readonly runnerKind: string;
}

/** The model as it was timed. */
export function runningModel(
  { runner }: Experiment,
  { base, artifact, adapters }: PreparedModel,
): AskedModel {
  const { path, digest } = artifact;
  return { base, path, digest, adapters, runnerKind: answeringRunner(runner.kind) };
}

const servesModels = (kind: string) => runnerOffers(kind, 'endpoint');
const givesLogits = (kind: string) => runnerOffers(kind, 'language-model');

/** The runner itself where it gives logits, and otherwise the one that stands in for it. */
function answeringRunner(kind: string): string {
  return givesLogits(kind) ? kind : plainRunnerOf(kind);
}

/**
 * Asks the model after it was timed, in a process of its own. Questions that cannot fit the model (a text
 * shorter than one window) leave the numbers of speed as they are, and the notes say why; a crash fails the
 * trial, which is then tried again.
 */
export async function askQuestions(
  trial: TrialRun,
  model: AskedModel,
  questions: EvaluationSpec,
): Promise<void> {
  await noteAnswers(trial, () => answersOf(requestOf(trial, model, questions), trial.child.launch));
  noteUnanswered(trial, null);
}

/**
 * Resumes questions that a killed agent left unanswered, before anything is timed. Answers do not depend on
 * speed. So the next agent resumes at once, and does not first repeat the measurement that was lost.
 * @returns false where nothing was interrupted, or a server has to be started first.
 */
export async function goOnAsking(
  trial: TrialRun,
  model: PreparedModel | null,
  questions: EvaluationSpec | null,
): Promise<boolean> {
  const { experiment } = trial.lease;
  if (model === null || questions === null || servesModels(experiment.runner.kind)) return false;
  const asked = runningModel(experiment, model);
  if (!wasInterrupted(requestOf(trial, asked, questions))) return false;
  await askQuestions(trial, asked, questions);
  return true;
}

/**
 * Asks the server that was timed. What a server cannot be asked, the file that it served is asked, if a
 * runner here opens that.
 * @param model null for a server whose file is not here.
 */
export async function askServer(
  trial: TrialRun,
  served: ServedModel,
  model: PreparedModel | null,
  questions: EvaluationSpec,
): Promise<void> {
  const { child, lease } = trial;
  const stood = model === null ? null : runningModel(lease.experiment, model);
  const substitute = stood !== null && givesLogits(stood.runnerKind) ? stood : null;
  await noteAnswers(trial, async () => {
    const asked = answersOf(servedRequestOf(trial, served, model, substitute, questions), child.launch);
    const ofServer = await whileServed(trial, served, asked);
    const { unanswered = [] } = ofServer;
    const { rankings = [] } = questions.request;
    if (unanswered.length === 0 || substitute === null) return ofServer;
    const isLeft = (name: string | null) => unanswered.some(({ task }) => task === name);
    const left = {
      ...questions.request,
      text: isLeft(null) ? questions.request.text : null,
      tasks: questions.request.tasks.filter(({ name }) => isLeft(name)),
      rankings: rankings.filter(({ name }) => isLeft(name)),
    };
    const ofLeft = questions.questions.filter(({ task }) => isLeft(task));
    const rest = requestOf(trial, substitute, { ...questions, request: left, questions: ofLeft });
    const order = [...questions.request.tasks, ...rankings].map(({ name }) => name);
    return joinedQuality(ofServer, await answersOf(rest, child.launch), substitute.runnerKind, order);
  });
  noteUnanswered(trial, substitute);
}

/**
 * Warns of each task that the runner could not be asked.
 * @param substitute the model that was asked in its place; null = none was.
 */
function noteUnanswered({ notes, lease }: TrialRun, substitute: AskedModel | null): void {
  const { unanswered = [], text, tasks = [] } = notes.quality ?? {};
  for (const { task, reason } of unanswered) {
    const what = task === null ? 'the text' : task;
    const why = `${lease.experiment.runner.kind} could not be asked ${what}: ${reason}`;
    const isThere = task === null ? text !== null : tasks.some(({ name }) => name === task);
    const asked = `The file that it served was asked through ${substitute?.runnerKind}`;
    notes.warnings.push(isThere ? warn('quality-caveat', `${why}. ${asked}`) : warn('quality-missing', why));
  }
}

async function noteAnswers(trial: TrialRun, ask: () => Promise<QualityRecord>): Promise<void> {
  const { notes } = trial;
  const startSeconds = wholeNanoseconds(monotonicSeconds() - notes.originSeconds);
  try {
    notes.quality = await ask();
  } catch (error) {
    const reason = toFailure(error);
    if (reason.code !== 'impossible-combination' && reason.code !== 'model-unsupported') throw error;
    notes.absent = { ...notes.absent, quality: reason.message };
    notes.warnings.push(warn('quality-missing', `the quality was not measured: ${reason.message}`));
    return;
  }
  for (const text of notes.quality.warnings) notes.warnings.push(warn('quality-caveat', text));
  const endSeconds = wholeNanoseconds(monotonicSeconds() - notes.originSeconds);
  const tokens = notes.quality.text?.scored ?? 0;
  notes.phases.push({ name: 'quality', repeat: null, startSeconds, endSeconds, tokens });
}

function servedRequestOf(
  trial: TrialRun,
  served: ServedModel,
  model: PreparedModel | null,
  substitute: AskedModel | null,
  questions: EvaluationSpec,
): AnswerRequest {
  const { lease, node, device, notes } = trial;
  const { endpoint: server } = served;
  const base = substitute === null ? null : plainBase(trial, substitute);
  const { request, scorers } = questions;
  const tokenizerPath = model?.artifact.path ?? null;
  const { serverCommand = null } = notes.environment;
  return {
    task: (answers, text) => {
      return taskOf(SERVED_QUALITY, {
        server,
        tokenizerPath,
        base,
        request: { ...request, text },
        scorers,
        answers,
      });
    },
    metered: () => askingWindow(trial, served),
    questions,
    identity: {
      // What runs behind an address is known to be the same for as long as one sweep lasts.
      server: serverCommand ?? [server.url, server.model, lease.sweepId],
      model: model?.artifact.digest ?? null,
      adapters: model?.adapters.map(({ digest, scale }) => [digest, scale]) ?? [],
      base: base === null ? null : (model?.base.digest ?? null),
      release: releaseOf(trial, lease.experiment.runner.kind),
      device: lease.experiment.device,
    },
    cacheFolder: node.models.cacheFolder,
    cpus: device.cpus,
    ...childLimits(trial),
  };
}

/** What of a point holds for the base that its answers are compared with. */
const BASE_OPTIONS = ['threads', 'cpuBackend', ...PLACEMENT_OPTIONS];

/**
 * The base without any technique: a quantized cache is one, and so are weights without zeros. It runs where
 * the point's model does. The base is larger, so it must fit there.
 * @returns null where the sweep compares with none.
 */
function plainBase(trial: TrialRun, { runnerKind, base }: AskedModel): QualityModel | null {
  const { runner, quality } = trial.lease.experiment;
  if (quality?.base !== true) return null;
  const plain = plainRunnerOf(runnerKind);
  const kept = Object.entries(optionsFor(plain, runner.options)).filter(([name]) =>
    BASE_OPTIONS.includes(name),
  );
  return {
    runnerKind: plain,
    modelPath: base.path,
    options: Object.fromEntries(kept),
    ...placeOf(trial),
  };
}

function releaseOf({ node }: TrialRun, kind: string): string {
  return node.profile.runners.find((one) => one.kind === kind)?.release ?? 'unknown';
}

function requestOf(trial: TrialRun, model: AskedModel, questions: EvaluationSpec): AnswerRequest {
  const { lease, node, device } = trial;
  const { experiment } = lease;
  const { runner } = experiment;
  const { runnerKind } = model;
  const base = plainBase(trial, model);
  const names = runnerNamed(runnerKind)?.answerOptions ?? [];
  const telling = Object.fromEntries(names.map((name) => [name, runner.options[name] ?? null]));
  const { adapters, path: modelPath } = model;
  const job: Omit<ByFiles<QualityJob>, 'request'> = {
    model: {
      runnerKind,
      modelPath,
      options: optionsFor(runnerKind, runner.options),
      ...placeOf(trial),
      adapters,
    },
    base,
    scorers: questions.scorers,
    trainedContext: model.base.facts.contextLength,
  };
  return {
    task: (answers, text) => taskOf(QUALITY, { ...job, request: { ...questions.request, text }, answers }),
    metered: () => askingWindow(trial, null),
    questions,
    identity: {
      model: model.digest,
      adapters: adapters.map(({ digest, scale }) => [digest, scale]),
      base: base === null ? null : model.base.digest,
      runner: runnerKind,
      release: releaseOf(trial, runnerKind),
      device: experiment.device,
      options: telling,
    },
    cacheFolder: node.models.cacheFolder,
    cpus: device.cpus,
    ...childLimits(trial),
  };
}
