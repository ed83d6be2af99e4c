import { FailureError, toFailure } from '../../core/errors.js';
import type { MeasurePolicy } from '../../core/experiment/experiment.js';
import type { Lease } from '../../core/experiment/lease.js';
import type { NodeProfile } from '../../core/experiment/node.js';
import { SHORT_WINDOW_PERIODS } from '../../core/metrics/integrate.js';
import type { ResultRecord } from '../../core/result/result.js';
import { Pins } from '../artifacts/pins.js';
import type { ModelSettings } from '../artifacts/resolve.js';
import type { ArtifactStore } from '../artifacts/store.js';
import { machineFacts } from '../environment.js';
import type { NodeFactors } from '../factors/node-factors.js';
import { monotonicSeconds } from '../isolation/clock.js';
import { CurrentChild } from '../isolation/current-child.js';
import { taskOf } from '../isolation/job.js';
import { type Baseline, baselineDoubts, type IdleBaselines } from '../meters/baseline.js';
import { findMeters, type MeterSettings, measuresEnergy, type NvmlState } from '../meters/index.js';
import type { Meter } from '../meters/meter.js';
import { Recorder } from '../meters/recorder.js';
import { periodKey, type UpdatePeriods } from '../meters/update-period.js';
import { AppliedSettings } from '../power/applied-settings.js';
import type { Scorers } from '../quality/scorers.js';
import type { NodeRoofs } from '../roofs/node-roofs.js';
import { TRIAL } from './job.js';
import { checkFit, deviceFor, doubtsBefore, prepareModel } from './preparation.js';
import { profileTrial } from './profile.js';
import { listener, type TrialProgress } from './progress.js';
import { askQuestions, prepareQuestions, runningModel } from './quality.js';
import { emptyNotes, type TrialNotes, writeRecord } from './record.js';
import { noteRoofline } from './roofline.js';
import { dropMerged, trainedModel, trainingFiles, trainingRecord } from './training.js';

/** What an experiment needs of the node it runs on. */
export interface Bench {
  readonly profile: NodeProfile;
  readonly nvml: NvmlState;
  readonly meters: MeterSettings;
  readonly models: ModelSettings;
  readonly store: ArtifactStore;
  readonly limits: TrialLimits;
  /** Commands that may judge answers. */
  readonly scorers: Scorers;
  /** Fitted efficiency factors; left out = nothing is predicted. */
  readonly factors?: Pick<NodeFactors, 'of' | 'absent'>;
  /** Idle power, read once for each sweep. */
  readonly idle: IdleBaselines;
  /** Grams of CO2 equivalent per kilowatt hour where the node stands; null or left out = not stated. */
  readonly gridGramsPerKilowattHour?: number | null;
  readonly roofs: Pick<NodeRoofs, 'of' | 'absent'>;
  /** Of the power helper; left out = nothing can be set. */
  readonly powerSocket?: string | null;
}

export interface TrialLimits {
  /** For trials whose policy sets no limit, and for making an artifact. */
  readonly trialTimeoutSeconds: number;
  /** null = the node's memory. */
  readonly memoryLimitBytes: number | null;
  readonly cgroupFolder: string | null;
  /** How long the energy sources are read before the first model of a sweep is loaded; 0 = there is no baseline. */
  readonly idleSeconds: number;
}

export interface RunningTrial {
  readonly lease: Lease;
  /** Ends it between two repeats, or by force a little later; the record says `cancelled`. */
  stop(reason: string): void;
  /** Ends it at once. */
  kill(reason: string): void;
  /** Never rejects: whatever went wrong is in the record. */
  readonly done: Promise<ResultRecord>;
}

/** Begins one trial. */
export function startTrial(
  lease: Lease,
  bench: Bench,
  onProgress: (progress: TrialProgress) => void = () => {},
): RunningTrial {
  const child = new CurrentChild();
  const notes = emptyNotes(new Date(), monotonicSeconds());
  const uses = new Pins();
  const settings = new AppliedSettings();
  const done = run(lease, bench, notes, child, uses, settings, onProgress)
    .finally(() => settings.release())
    .finally(() => uses.release())
    .then(
      () => writeRecord(lease, bench.profile, notes, null),
      (error) => writeRecord(lease, bench.profile, notes, toFailure(error)),
    );
  return { lease, stop: (reason) => child.stop(reason), kill: (reason) => child.kill(reason), done };
}

/** Prepare, predict, set the device, start the meters, launch, record, ask; what is learned goes into the notes, and is judged there. */
async function run(
  lease: Lease,
  bench: Bench,
  notes: TrialNotes,
  child: CurrentChild,
  uses: Pins,
  settings: AppliedSettings,
  onProgress: (progress: TrialProgress) => void,
): Promise<void> {
  const { experiment } = lease;
  const device = deviceFor(lease, bench.profile);
  notes.device = device;
  notes.grid = gridOf(experiment.measure, bench.gridGramsPerKilowattHour ?? null);
  notes.roofs = bench.roofs.of(device.id);
  if (notes.roofs === null) notes.absent = { ...notes.absent, roofs: bench.roofs.absent(device.id) };
  notes.environment = machineFacts(bench.profile, device, bench.nvml, bench.meters.sysRoot);
  notes.warnings.push(...doubtsBefore(experiment, device, bench.nvml));

  const model = await prepareModel(experiment, bench, device, (request) => child.launch(request), uses);
  if (model !== null) {
    notes.artifact = model.artifact;
    notes.adapters = model.adapters;
    notes.baseWeightBytes = model.base.weightBytes;
    notes.warnings.push(...model.doubts);
    if (model.base.fetchedFrom !== undefined) notes.environment.fetchedFrom = model.base.fetchedFrom;
    notes.environment.predictedMemoryBytes = checkFit(
      experiment,
      model,
      device,
      bench.limits.memoryLimitBytes,
    );
  }

  noteRoofline(experiment, model, device, bench.factors, bench.meters.sysRoot, notes);
  const training = await trainingFiles(experiment, bench, uses);
  const questions = await prepareQuestions(lease, bench, model, notes);

  await settings.hold(experiment.settings, device, bench.powerSocket ?? null, notes);
  if (experiment.settings !== undefined) {
    Object.assign(notes.environment, machineFacts(bench.profile, device, bench.nvml, bench.meters.sysRoot));
  }
  const { meters, absent, periods } = findMeters(
    bench.meters,
    bench.nvml,
    device.id,
    experiment.measure.meters,
  );
  notes.absent = { ...notes.absent, ...absent };
  const recorder = new Recorder(meters, periods);
  recorder.start();
  try {
    const energy = meters.filter(measuresEnergy);
    if (energy.length > 0) {
      const baseline = await bench.idle.of(lease.sweepId, device.id, bench.limits.idleSeconds, () =>
        recorder.series(notes.originSeconds),
      );
      if (baseline !== null) noteBaseline(baseline, experiment.measure, notes);
    }
    const listen = listener(notes, device, onProgress);
    const launched = child.launch({
      task: taskOf(TRIAL, {
        runner: experiment.runner,
        workload: experiment.workload,
        measure: experiment.measure,
        modelPath: model?.artifact.path ?? null,
        adapters: model?.adapters ?? [],
        deviceClass: experiment.device,
        deviceId: device.id,
        cpus: device.cpus,
        minPhaseSeconds: shortestPhase(energy, periods),
        training,
      }),
      cpus: device.cpus,
      timeLimitSeconds: experiment.measure.trialTimeoutSeconds ?? bench.limits.trialTimeoutSeconds,
      memoryLimitBytes: bench.limits.memoryLimitBytes ?? bench.profile.memoryBytes,
      cgroupFolder: bench.limits.cgroupFolder,
      onMessage(message) {
        if (message.type === 'resting') {
          recorder.rest();
          launched.resume();
        } else listen(message);
      },
    });
    recorder.attach({ pid: launched.pid, deviceId: device.id, cpus: device.cpus });
    const ending = await launched.ended;
    notes.environment.memoryGuard = ending.memoryGuard;
    if (ending.failure !== null) throw new FailureError(ending.failure);
    notes.outcome = ending.answer;
  } finally {
    recorder.stop();
    notes.samples = recorder.series(notes.originSeconds);
  }
  if (notes.outcome !== null) {
    await profileTrial(lease, bench, device, model, notes, (request) => child.launch(request));
  }
  // Quality does not depend on speed.
  await settings.release();
  const kept = notes.outcome?.kept;
  if (notes.outcome !== null) notes.training = await trainingRecord(notes.outcome, bench);
  if (questions !== null && model !== null) {
    const digest = notes.training?.made?.digest;
    const asked =
      kept === undefined || digest === undefined
        ? runningModel(experiment, model)
        : trainedModel(experiment, model, kept, digest);
    await askQuestions(lease, bench, device, asked, questions, notes, (request) => child.launch(request));
  }
  if (kept !== undefined) await dropMerged(kept);
}

/** Of the slowest source: it tells no more often than it is read, nor than it is renewed. */
function shortestPhase(energy: readonly Meter[], periods: UpdatePeriods): number {
  const seconds = energy.flatMap(({ name, periodSeconds, quantities }) => [
    periodSeconds,
    ...quantities.flatMap((quantity) => periods.get(periodKey(name, quantity.name))?.seconds ?? []),
  ]);
  return SHORT_WINDOW_PERIODS * Math.max(0, ...seconds);
}

function noteBaseline(baseline: Baseline, measure: MeasurePolicy, notes: TrialNotes): void {
  const { watts, measuredAt, seconds, busyCores } = baseline;
  notes.idleWatts = watts;
  notes.idle = { measuredAt, seconds, busyCores };
  notes.warnings.push(...baselineDoubts(baseline, measure.maxForeignCores));
}

/** The sweep's word on the grid goes before the node's. */
function gridOf(measure: MeasurePolicy, node: number | null): TrialNotes['grid'] {
  const stated = measure.gridGramsPerKilowattHour ?? null;
  if (stated !== null) return { gramsPerKilowattHour: stated, statedBy: 'sweep' };
  return node === null ? null : { gramsPerKilowattHour: node, statedBy: 'node' };
}
