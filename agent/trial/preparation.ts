import { type AttachedAdapter, attachedAdapters } from '../../artifacts/adapters/attach.js';
import { stepsTo } from '../../artifacts/conversions/step.js';
import type { Launcher } from '../../artifacts/files/build-file.js';
import { looked } from '../../artifacts/files/looking/looked.js';
import { type ResolvedModel, resolveModel } from '../../artifacts/files/resolve.js';
import type { Artifact } from '../../artifacts/files/store.js';
import { stepsFor } from '../../artifacts/techniques/index.js';
import { FailureError, failed, failure, toFailure } from '../../core/errors.js';
import { deviceKind } from '../../core/experiment/experiment.js';
import { warn } from '../../core/result/warnings.js';
import {
  makerFor,
  OBSERVED_RUNNER,
  opensModels,
  predictedBytes,
  runnerNamed,
} from '../../core/runners/index.js';
import { nodeDemands } from '../../core/runners/node-demands.js';
import { impossibility } from '../../core/sweep/space.js';
import { type AdapterPart, readAdapter } from '../../core/techniques/adapter.js';
import { workloadNamed } from '../../core/workloads/index.js';
import { type ObservedPlace, ON_CPU } from '../../engines/runners/observer.js';
import type { ArchitectureReading } from '../../roofline/readers/reading.js';
import { placeOf, type TrialRun } from './context.js';

export interface PreparedModel {
  /** Its path is one that the runner opens, where something is asked of the base itself. */
  readonly base: ResolvedModel;
  /** The file to run: the base as it is, or what a conversion or a technique made of it. */
  readonly artifact: Artifact;
  /** The shapes of that file; or why its work cannot be counted. */
  readonly shapes: ArchitectureReading;
  /** What the engine runs beside it. */
  readonly adapters: readonly AttachedAdapter[];
}

/**
 * Finds the model and makes of it what its techniques say, held until the trial has ended; the notes say
 * where it comes from.
 * @returns null for a runner that needs none.
 * @throws FailureError `source-not-allowed`, `model-missing`, `model-unreadable`, `model-unsupported`,
 *   `fetch-failed`, `digest-mismatch`, `impossible-combination`, `artifact-failed`, `disk-full`,
 *   `does-not-fit`.
 */
export async function prepareModel(trial: TrialRun): Promise<PreparedModel | null> {
  if (!opensModels(trial.lease.experiment.runner.kind)) return null;
  const model = await makeModel(trial);
  const { notes } = trial;
  notes.artifact = model.artifact;
  notes.adapters = model.adapters;
  notes.baseWeightBytes = model.base.weightBytes;
  notes.warnings.push(...model.artifact.warnings.map((text) => warn('engine-warning', text)));
  if (model.base.fetchedFrom !== undefined) notes.environment.fetchedFrom = model.base.fetchedFrom;
  if (model.artifact.madeOn !== undefined) notes.environment.artifactMadeOn = model.artifact.madeOn;
  notes.environment.predictedMemoryBytes = checkFit(trial, model);
  return model;
}

async function makeModel(trial: TrialRun): Promise<PreparedModel> {
  const { lease, node, device, child, pins } = trial;
  const { model, runner, technique, quality } = lease.experiment;
  const opens = runnerNamed(runner.kind)?.formats ?? [];
  const { cpus } = device;
  const launcher = child.launch;
  const opening = { digest: model.digest, uses: pins, launcher, cpus, runs: opens };
  const base = await resolveModel(model.source, node.models, opening);
  if (model.digest !== null && model.digest !== base.digest) {
    const message = `${model.source} on this node is another file (${base.digest}) than the sweep measures (${model.digest})`;
    const hint = 'Copy the same file to every node.';
    throw failed('digest-mismatch', message, hint);
  }
  // Whoever submitted it may not have had the model, so that no rule about it was asked.
  const why = impossibility({ ...lease.experiment, model: { ...model, facts: base.facts } });
  if (why !== null) throw failed('impossible-combination', why);
  const maker = makerFor(runner.kind);
  const engine = node.profile.runners.find(({ kind }) => kind === maker)?.release ?? 'unknown';
  const steps = await stepsFor({
    base,
    modelName: model.name,
    technique,
    runnerKind: runner.kind,
    engine,
    settings: node.models,
    place: observedPlace(trial),
  });
  const timeLimitSeconds = node.limits.trialTimeoutSeconds;
  const exchange = node.shared?.exchangeOf(lease.trialId, (stoppable) => child.watch(stoppable));
  const making = { base, cpus, timeLimitSeconds, exchange };
  const artifact = await node.store.prepare({ ...making, steps }, launcher, pins);
  const parts = attachedParts(technique.adapter);
  const conversions = stepsTo(base, opens);
  const asked = parts.length > 0 || quality?.base === true;
  const path =
    asked && conversions.length > 0
      ? (await node.store.prepare({ ...making, steps: conversions }, launcher, pins)).path
      : base.path;
  const adapters = await attachedAdapters({
    parts,
    base: { path: path ?? artifact.path, digest: base.digest, name: model.name },
    shape: { path: artifact.path, digest: artifact.digest },
    settings: node.models,
    store: node.store,
    launcher,
    uses: pins,
    cpus,
    timeLimitSeconds,
  });
  const shapes = await shapesOf(artifact.path, model.name, launcher);
  return { base: { ...base, path }, artifact, shapes, adapters };
}

/**
 * @returns where a trial's model is inspected: on all devices that it will run on, if the engine that
 *   inspects it drives them here.
 */
function observedPlace(trial: TrialRun): ObservedPlace {
  const { device, runner } = trial.lease.experiment;
  const kind = deviceKind(device);
  const driven = trial.node.profile.runners.find((one) => one.kind === OBSERVED_RUNNER)?.devices ?? [];
  if (kind !== 'cpu' && !driven.some((one) => deviceKind(one) === kind))
    return { ...ON_CPU, cpuReason: `the node’s ${OBSERVED_RUNNER} does not drive ${kind}` };
  const { rpcServers } = nodeDemands(runner.options);
  return { ...placeOf(trial), rpcServers };
}

/** The adapters that a word asks to run beside the model; its reading was checked with the steps. */
function attachedParts(setting: string): readonly AdapterPart[] {
  const reading = readAdapter(setting);
  return reading.ok && reading.value?.mode === 'attached' ? reading.value.parts : [];
}

/** Whoever loads it says what is wrong with a file that cannot be read. */
async function shapesOf(path: string, source: string, launcher: Launcher): Promise<ArchitectureReading> {
  try {
    return (await looked({ path, source, modelFolders: null }, launcher)).shapes;
  } catch (error) {
    const { code, message, hint } = toFailure(error);
    if (code === 'cancelled') throw error;
    return { ok: false, reason: message, hint: hint ?? '' };
  }
}

/** 8.00, 25.3, 60,500: a damaged model may ask for any amount. */
const THREE_DIGITS = { minimumSignificantDigits: 3, maximumSignificantDigits: 3 } as const;

/**
 * Refuses what cannot fit before anything is loaded: a machine that runs out of memory takes other processes
 * down with it.
 * @returns the bytes that were predicted; null = nothing was.
 * @throws FailureError `does-not-fit`.
 */
function checkFit(
  { lease: { experiment }, node, device }: TrialRun,
  { base, artifact, adapters, shapes }: PreparedModel,
): number | null {
  const bytes = predictedBytes({
    facts: base.facts,
    experiment,
    quantizationBytes: artifact.bytes,
    adapterBytes: adapters.reduce((sum, adapter) => sum + adapter.bytes, 0),
    architecture: shapes.ok ? shapes.architecture : null,
  });
  const room = Math.min(device.memoryBytes, node.limits.memoryLimitBytes ?? Infinity);
  if (bytes === null || bytes <= room) return bytes;
  const gigabytes = (value: number) => `${(value / 1e9).toLocaleString('en', THREE_DIGITS)} GB`;
  const message = `the trial needs about ${gigabytes(bytes)} and ${device.id} has ${gigabytes(room)}`;
  const hint = workloadNamed(experiment.workload.kind)?.lessMemory;
  throw new FailureError(failure('does-not-fit', message, hint === undefined ? {} : { hint }));
}
