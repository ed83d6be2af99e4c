import { setTimeout as sleep } from 'node:timers/promises';
import { FailureError } from '../../core/errors.js';
import { deviceKind, type Experiment, type MeasurePolicy } from '../../core/experiment/experiment.js';
import { leasedDevices } from '../../core/experiment/lease.js';
import { SHORT_WINDOW_PERIODS } from '../../core/metrics/integrate.js';
import { quantitiesOf } from '../../core/metrics/meters.js';
import { warn } from '../../core/result/warnings.js';
import { runnerNamed } from '../../core/runners/index.js';
import { type NodeDemands, nodeDemands } from '../../core/runners/node-demands.js';
import { NOT_APPLICABLE } from '../../judgement/not-applicable.js';
import { readThrottling, throttleWarnings } from '../../process/device/cgroup.js';
import { readSwappedPages } from '../../process/device/host.js';
import { taskOf } from '../../process/isolation/job.js';
import { findMeters, type MeterSet, measuresEnergy } from '../meters/index.js';
import type { Meter } from '../meters/meter.js';
import { Recorder } from '../meters/recorder.js';
import { periodKey, type UpdatePeriods } from '../meters/update-period.js';
import type { GenerationFiles, GraphInput, TrainingFiles, WorkloadOutcome } from '../workloads/workload.js';
import { childLimits, placeOf, type TrialRun } from './context.js';
import { noteBaseline } from './idle.js';
import { TRIAL, type TrialRequest } from './job.js';
import type { PreparedModel } from './preparation.js';
import { listener } from './progress.js';
import { isElsewhere, type ServedModel, whileServed } from './serve.js';

/** What a workload needs beside a model. */
export interface Surroundings {
  readonly training: TrainingFiles | null;
  readonly served: ServedModel | null;
  readonly promptsPath: string | null;
  readonly graph: GraphInput | null;
  readonly generation: GenerationFiles | null;
}

/**
 * Runs the workload in a child while the meters read. Their samples are noted, however it ends.
 * @throws FailureError what the child died of.
 */
export async function measure(
  trial: TrialRun,
  model: PreparedModel | null,
  { training, served, promptsPath, graph, generation }: Surroundings,
): Promise<WorkloadOutcome> {
  const { lease, node, device, notes } = trial;
  const { experiment } = lease;
  // What this machine draws says nothing of a server elsewhere.
  const wanted = isElsewhere(served) ? 'off' : experiment.measure.meters;
  const gpus = served?.gpus ?? leasedDevices(lease);
  const found = findMeters(node.meters, node.nvml, device.id, wanted, gpus);
  const own = withoutEnergyOf(nodeDemands(experiment.runner.options), found);
  const { meters, absent, periods } = withoutNeighboursOf(experiment.runner.kind, own);
  notes.absent = { ...notes.absent, ...absent };
  const recorder = new Recorder(meters, periods);
  recorder.start();
  try {
    const energy = meters.filter(measuresEnergy);
    // Of a server that we started it was read before; one that somebody else keeps is loaded by now.
    if (energy.length > 0 && served?.died == null) {
      await noteBaseline(trial, gpus, recorder);
      if (served !== null && notes.idle !== null) notes.warnings.push(warn('idle-busy', LOADED));
    }
    const request = {
      runner: experiment.runner,
      workload: experiment.workload,
      measure: shortened(experiment.measure, lease.mostRepeats),
      modelPath: model?.artifact.path ?? null,
      adapters: model?.adapters ?? [],
      ...placeOf(trial),
      ...(asksCores(experiment) && { usualLatencies: node.cores.latencies(device.cpus) }),
      minPhaseSeconds: shortestPhase(energy, periods),
      training,
      ...(served !== null && { served: served.endpoint }),
      ...(promptsPath !== null && { promptsPath }),
      ...(graph !== null && { graph }),
      ...(generation !== null && { generation }),
    };
    const outcome = runChild(trial, request, recorder).then((given) => untilHeard(given, served));
    return await whileServed(trial, served, outcome);
  } finally {
    recorder.stop();
    if (notes.cores.length === 0 && wanted === 'on') {
      const unasked = Object.fromEntries(OF_CORES.map((name) => [name, CORES_UNASKED]));
      notes.absent = { ...unasked, ...notes.absent };
    }
    notes.samples = [...recorder.series(notes.originSeconds), ...node.cores.series(device.cpus, notes.cores)];
  }
}

function shortened(measure: MeasurePolicy, mostRepeats = measure.maxRepeats): MeasurePolicy {
  const maxRepeats = Math.min(measure.maxRepeats, mostRepeats);
  return { ...measure, maxRepeats, minRepeats: Math.min(measure.minRepeats, maxRepeats) };
}

/**
 * Work on other devices, or in a server, does not run on these CPUs, so the cores under them say nothing of
 * it.
 */
function asksCores({ device, runner, measure }: Experiment): boolean {
  const kind = runnerNamed(runner.kind);
  const here = deviceKind(device) === 'cpu' && kind?.offers.includes('endpoint') === false;
  return here && kind.madeUp === null && measure.meters === 'on';
}

const OF_CORES = quantitiesOf('cores');

const CORES_UNASKED =
  'physical cores are asked on Linux, by our native library, for trials whose model runs on CPUs';

const LOADED =
  'idle power was read with the server loaded, for somebody else keeps it: net energy leaves out what it draws while it waits';

/** Of a server that dies its requests hear first, and the trial a little later. */
const END_HEARD_MILLISECONDS = 1000;

/** @returns what the child gives; throws what the server died of, where that is why requests broke off. */
async function untilHeard(given: WorkloadOutcome, served: ServedModel | null): Promise<WorkloadOutcome> {
  if (served?.died != null && lostConnections(given))
    await Promise.race([served.died, sleep(END_HEARD_MILLISECONDS)]);
  return given;
}

function lostConnections({ findings }: WorkloadOutcome): boolean {
  if (findings?.of !== 'serving') return false;
  return findings.record.requests.outcome.some((outcome) => outcome === 'broken' || outcome === 'refused');
}

/**
 * Where the model lies on other machines, too, this machine's power is only a part of what the trial takes.
 * Then the trial has no energy.
 */
function withoutEnergyOf({ rpcServers }: NodeDemands, found: MeterSet): MeterSet {
  if (rpcServers.length === 0) return found;
  const energy = `a part of the model was on RPC servers (${rpcServers.join(', ')}), whose energy this node does not measure`;
  return withoutMeters(found, measuresEnergy, { energy });
}

/** What a runner invents is told of no machine: nobody beside it makes it another number. */
function withoutNeighboursOf(kind: string, found: MeterSet): MeterSet {
  if ((runnerNamed(kind)?.madeUp ?? null) === null) return found;
  const isSystem = ({ name }: Meter) => name === 'system';
  const quantities = found.meters.filter(isSystem).flatMap((meter) => meter.quantities);
  const names = [...quantities.map(({ name }) => name), ...OF_CORES];
  const absent = Object.fromEntries(names.map((name) => [name, NOT_APPLICABLE.neighbours]));
  return withoutMeters(found, isSystem, absent);
}

function withoutMeters(
  found: MeterSet,
  left: (meter: Meter) => boolean,
  absent: MeterSet['absent'],
): MeterSet {
  for (const meter of found.meters) if (left(meter)) meter.close();
  const meters = found.meters.filter((meter) => !left(meter));
  return { ...found, meters, absent: { ...found.absent, ...absent } };
}

async function runChild(
  trial: TrialRun,
  request: TrialRequest,
  recorder: Recorder,
): Promise<WorkloadOutcome> {
  const { lease, node, device, notes, child, onProgress } = trial;
  const { procRoot } = node.meters;
  const before = { throttling: readThrottling(procRoot), swappedPages: readSwappedPages(procRoot) };
  const listen = listener(notes, device, onProgress);
  const launched = child.launch({
    task: taskOf(TRIAL, request),
    cpus: device.cpus,
    ...childLimits(trial),
    cgroupFolder: node.limits.cgroupFolder,
    onMessage(message) {
      if (message.type === 'resting') {
        recorder.rest();
        launched.resume();
      } else {
        if (message.type === 'loaded' && message.processes.length > 0) attach(message.processes);
        listen(message);
      }
    },
  });
  // The child of a served trial only sends requests, and reports its own CPU time. Where the processes of a
  // server are not visible, there is nothing to follow.
  const { served } = request;
  const attach = (trees: readonly number[]) =>
    recorder.attach({
      processes: [
        ...(served === undefined ? [{ pid: launched.pid }] : []),
        ...trees.map((pid) => ({ pid, tree: true })),
      ],
      deviceId: device.id,
      cpus: device.cpus,
    });
  attach(served?.pid == null ? [] : [served.pid]);
  const ending = await launched.ended;
  notes.environment.memoryGuard = ending.memoryGuard;
  const swapped = readSwappedPages(procRoot);
  notes.environment.swappedPages =
    swapped === null || before.swappedPages === null ? null : swapped - before.swappedPages;
  notes.warnings.push(
    ...throttleWarnings(before.throttling, readThrottling(procRoot), lease.experiment.measure.maxStealRatio),
  );
  if (ending.failure !== null) throw new FailureError(ending.failure);
  return ending.answer;
}

/** Of the slowest source: it tells no more often than it is read, nor than it is renewed. */
function shortestPhase(energy: readonly Meter[], periods: UpdatePeriods): number {
  const seconds = energy.flatMap(({ name, periodSeconds, quantities }) => [
    periodSeconds,
    ...quantities.flatMap((quantity) => periods.get(periodKey(name, quantity.name))?.seconds ?? []),
  ]);
  return SHORT_WINDOW_PERIODS * Math.max(0, ...seconds);
}
