import { FailureError, failure } from '../../core/errors.js';
import type { Experiment } from '../../core/experiment/experiment.js';
import type { Lease } from '../../core/experiment/lease.js';
import type { DeviceProfile, NodeProfile } from '../../core/experiment/node.js';
import { type Warning, warn } from '../../core/result/warnings.js';
import { opensModels, predictedBytes, runnerNamed } from '../../core/runners/index.js';
import { type AdapterPart, readAdapter } from '../../core/techniques/adapter.js';
import type { ModelArchitecture } from '../../core/work/architecture.js';
import { workloadNamed } from '../../core/workloads/index.js';
import { formatOf } from '../../formats/index.js';
import { type AttachedAdapter, attachedAdapters } from '../artifacts/adapters/attach.js';
import type { Pins } from '../artifacts/pins.js';
import { type ResolvedModel, resolveModel } from '../artifacts/resolve.js';
import type { Artifact, Launcher } from '../artifacts/store.js';
import type { NvmlState } from '../meters/index.js';
import { stepsFor } from '../techniques/index.js';
import type { Bench } from './start.js';

export interface PreparedModel {
  readonly base: ResolvedModel;
  /** The file to run: the base as it is, or what a technique made of it. */
  readonly artifact: Artifact;
  /** What the engine runs beside it. */
  readonly adapters: readonly AttachedAdapter[];
  readonly doubts: readonly Warning[];
}

/** @throws FailureError `device-missing` when the lease is not for a device of this node. */
export function deviceFor(lease: Lease, profile: NodeProfile): DeviceProfile {
  const device = profile.devices.find(({ id }) => id === lease.deviceId);
  if (device?.classes.includes(lease.experiment.device)) return device;
  const what = device === undefined ? 'does not exist' : `is ${device.classes.join(', ')}`;
  const message = `the device ${lease.deviceId} of ${profile.name} ${what}; the experiment asks for ${lease.experiment.device}`;
  throw new FailureError(failure('device-missing', message));
}

/** What can be said against the numbers before there are any. */
export function doubtsBefore(
  { runner }: Experiment,
  device: DeviceProfile,
  nvml: NvmlState,
): readonly Warning[] {
  const doubts: Warning[] = [];
  const pretends = runnerNamed(runner.kind)?.pretends ?? null;
  if (pretends !== null) doubts.push(warn('fake-runner', pretends));
  const { threads } = runner.options;
  if (typeof threads === 'number' && threads > device.cpus.length) {
    doubts.push(
      warn('oversubscribed', `${threads} threads share the ${device.cpus.length} CPUs of ${device.id}`),
    );
  }
  const gpu = 'nvml' in nvml ? nvml.nvml.devices.find(({ uuid }) => uuid === device.id) : undefined;
  if (gpu?.inUse())
    doubts.push(warn('foreign-process', `another process uses ${device.id} before the trial began`));
  return doubts;
}

/**
 * @param uses holds what the trial runs, until the caller releases it.
 * @returns the model to run, or null for a runner that needs none.
 * @throws FailureError `source-not-allowed`, `model-missing`, `model-unreadable`, `model-unsupported`, `fetch-failed`,
 * `digest-mismatch`, `artifact-failed`, `disk-full`.
 */
export async function prepareModel(
  { model, runner, technique }: Experiment,
  bench: Bench,
  device: DeviceProfile,
  launcher: Launcher,
  uses: Pins,
): Promise<PreparedModel | null> {
  if (!opensModels(runner.kind)) return null;
  const { cpus } = device;
  const base = await resolveModel(model.source, bench.models, {
    digest: model.digest,
    uses,
    launcher,
    cpus,
    runs: runnerNamed(runner.kind)?.formats ?? [],
  });
  if (model.digest !== null && model.digest !== base.digest) {
    const message = `${model.source} on this node is another file (${base.digest}) than the sweep measures (${model.digest})`;
    const hint = 'Copy the same file to every node.';
    throw new FailureError(failure('digest-mismatch', message, { hint }));
  }
  const engine = bench.profile.runners.find(({ kind }) => kind === runner.kind)?.release ?? 'unknown';
  const steps = await stepsFor({
    base,
    modelName: model.name,
    technique,
    runnerKind: runner.kind,
    engine,
    settings: bench.models,
  });
  const timeLimitSeconds = bench.limits.trialTimeoutSeconds;
  const artifact = await bench.store.prepare({ base, steps, cpus, timeLimitSeconds }, launcher, uses);
  const adapters = await attachedAdapters({
    parts: attachedParts(technique.adapter),
    base: { path: base.path ?? artifact.path, digest: base.digest, name: model.name },
    shape: { path: artifact.path, digest: artifact.digest },
    settings: bench.models,
    store: bench.store,
    launcher,
    uses,
    cpus,
    timeLimitSeconds,
  });
  return { base, artifact, adapters, doubts: artifact.warnings.map((text) => warn('engine-warning', text)) };
}

/** The adapters that a word asks to run beside the model; its reading was checked with the steps. */
function attachedParts(word: string): readonly AdapterPart[] {
  const reading = readAdapter(word);
  return reading.ok && reading.value?.mode === 'attached' ? reading.value.parts : [];
}

/** @returns the shapes of the file that is run; null for one whose work cannot be counted, or that cannot be read yet. */
function architectureOf(path: string): ModelArchitecture | null {
  try {
    const reading = formatOf(path).shapes(path);
    return reading.ok ? reading.architecture : null;
  } catch {
    // Whoever loads it says what is wrong with it.
    return null;
  }
}

/** 8.00, 25.3, 60,500: a damaged model may ask for any amount. */
const THREE_DIGITS = { minimumSignificantDigits: 3, maximumSignificantDigits: 3 } as const;

/**
 * Refuses what cannot fit before anything is loaded: a machine out of memory takes its neighbours along.
 * @returns the bytes that were predicted; null = nothing was. @throws FailureError `does-not-fit`.
 */
export function checkFit(
  experiment: Experiment,
  { base, artifact, adapters }: PreparedModel,
  device: DeviceProfile,
  memoryLimitBytes: number | null,
): number | null {
  const bytes = predictedBytes({
    facts: base.facts,
    experiment,
    quantizationBytes: artifact.bytes,
    adapterBytes: adapters.reduce((sum, adapter) => sum + adapter.bytes, 0),
    architecture: architectureOf(artifact.path),
  });
  const room = Math.min(device.memoryBytes, memoryLimitBytes ?? Infinity);
  if (bytes === null || bytes <= room) return bytes;
  const gigabytes = (value: number) => `${(value / 1e9).toLocaleString('en', THREE_DIGITS)} GB`;
  const message = `the trial needs about ${gigabytes(bytes)} and ${device.id} has ${gigabytes(room)}`;
  const hint = workloadNamed(experiment.workload.kind)?.lessMemory;
  throw new FailureError(failure('does-not-fit', message, hint === undefined ? {} : { hint }));
}
