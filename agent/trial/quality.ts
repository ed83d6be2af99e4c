import { toFailure } from '../../core/errors.js';
import type { Experiment } from '../../core/experiment/experiment.js';
import { NO_QUALITY } from '../../core/models/synthetic.js';
import { warn } from '../../core/result/warnings.js';
import { plainRunnerOf, runnerNamed } from '../../core/runners/index.js';
import { isSyntheticAdapter, readAdapter } from '../../core/techniques/adapter.js';
import { workloadNamed } from '../../core/workloads/index.js';
import { monotonicSeconds, wholeNanoseconds } from '../isolation/clock.js';
import { type AnswerRequest, answersOf } from '../quality/answers.js';
import type { QualityModel } from '../quality/measure.js';
import { type EvaluationSpec, evaluationOf } from '../quality/policy.js';
import { childLimits, placeOf, type TrialRun } from './context.js';
import type { PreparedModel } from './preparation.js';

/**
 * Reads what the sweep asks about answers, before anything is timed: an error costs no measurement.
 * @returns null when nothing is asked, or nothing can be said; the notes then have the reason.
 * @throws FailureError for files that are missing, not allowed, or wrong.
 */
export async function prepareQuestions(
  { lease: { experiment }, node, notes }: TrialRun,
  model: PreparedModel | null,
): Promise<EvaluationSpec | null> {
  const why = silence(experiment, model);
  if (why !== null) {
    notes.absent = { ...notes.absent, quality: why };
    return null;
  }
  if (experiment.quality === null) return null;
  return await evaluationOf(experiment.quality, node.models, node.scorers);
}

/** Why there are no answers worth asking for, or null. Random weights are told whether or not somebody asks. */
function silence({ technique, runner, quality }: Experiment, model: PreparedModel | null): string | null {
  if (model === null) return quality === null ? null : `the runner ${runner.kind} has no answers to judge`;
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
  return {
    base,
    path: artifact.path,
    digest: artifact.digest,
    adapters,
    runnerKind: answeringRunner(runner.kind),
  };
}

/** The runner itself where it gives logits, and otherwise the one that stands in for it. */
function answeringRunner(kind: string): string {
  return runnerNamed(kind)?.offers.includes('language-model') === true ? kind : plainRunnerOf(kind);
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
  const { notes, child } = trial;
  const startSeconds = wholeNanoseconds(monotonicSeconds() - notes.originSeconds);
  try {
    notes.quality = await answersOf(requestOf(trial, model, questions), child.launch);
  } catch (error) {
    const reason = toFailure(error);
    if (reason.code !== 'impossible-combination' && reason.code !== 'model-unsupported') throw error;
    notes.absent = { ...notes.absent, quality: reason.message };
    notes.warnings.push(warn('quality-missing', `the quality was not measured: ${reason.message}`));
    return;
  }
  for (const text of notes.quality.warnings) notes.warnings.push(warn('quality-caveat', text));
  const { kind } = trial.lease.experiment.runner;
  if (workloadNamed(trial.lease.experiment.workload.kind)?.needs === 'endpoint') {
    const text = `${kind} tells no logits: the file that it served was asked through ${model.runnerKind}, at the same options`;
    notes.warnings.push(warn('quality-caveat', text));
  }
  const endSeconds = wholeNanoseconds(monotonicSeconds() - notes.originSeconds);
  const tokens = notes.quality.text?.scored ?? 0;
  notes.phases.push({ name: 'quality', repeat: null, startSeconds, endSeconds, tokens });
}

function requestOf(trial: TrialRun, model: AskedModel, questions: EvaluationSpec): AnswerRequest {
  const { lease, node, device } = trial;
  const { experiment } = lease;
  const { runner } = experiment;
  const { runnerKind } = model;
  const asked = (path: string | null, options: QualityModel['options']): QualityModel => ({
    runnerKind,
    modelPath: path,
    options,
    ...placeOf(trial),
  });
  // The base answers as it would without any technique: a quantized cache is one, and weights without zeros are.
  const { threads = null, cpuBackend = 'shipped' } = runner.options;
  const plain = {
    ...asked(model.base.path, { threads, cpuBackend }),
    runnerKind: plainRunnerOf(runnerKind),
  };
  const base = experiment.quality?.base === true ? plain : null;
  const names = runnerNamed(runnerKind)?.answerOptions ?? [];
  const telling = Object.fromEntries(names.map((name) => [name, runner.options[name] ?? null]));
  const release = node.profile.runners.find(({ kind }) => kind === runnerKind)?.release ?? 'unknown';
  return {
    job: {
      model: { ...asked(model.path, runner.options), adapters: model.adapters },
      base,
      request: questions.request,
      scorers: questions.scorers,
      trainedContext: model.base.facts.contextLength,
    },
    questions,
    identity: {
      model: model.digest,
      // Left out where there are none, so that answers of before are found.
      adapters:
        model.adapters.length === 0 ? undefined : model.adapters.map(({ digest, scale }) => [digest, scale]),
      base: base === null ? null : model.base.digest,
      runner: runnerKind,
      release,
      device: experiment.device,
      options: telling,
    },
    cacheFolder: node.models.cacheFolder,
    cpus: device.cpus,
    ...childLimits(trial),
  };
}
