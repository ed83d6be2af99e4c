import { type Attended, progressTo } from '../../artifacts/files/make-file.js';
import { besideGguf } from '../../artifacts/files/peft-folder.js';
import type { SourceSettings } from '../../artifacts/files/source.js';
import { locateText } from '../../artifacts/files/text.js';
import type { Options } from '../../core/experiment/experiment.js';
import type { Lease } from '../../core/experiment/lease.js';
import { defaultRunnerFor } from '../../core/runners/index.js';
import { MEASURE } from '../../core/sweep/schema.js';
import { isExamples } from '../../core/training/example.js';
import { finetune } from '../../core/workloads/finetune.js';
import { formatOf } from '../../formats/index.js';
import { readAffinity } from '../../process/device/affinity.js';
import { type ProgressReport, type Task, taskOf } from '../../process/isolation/job.js';
import { answered, type Launched, launch, UNBOUND } from '../../process/isolation/launch.js';
import type { AgentConfig } from '../config.js';
import { KERNELS } from '../kernels/job.js';
import type { KernelsJob } from '../kernels/run.js';
import { measureNoise, type NoiseRequest } from '../noise/measure.js';
import { closeNode, openNode } from '../open-node.js';
import { probeFor, probeNode } from '../probe.js';
import { PROFILE } from '../profile/job.js';
import { contextOf } from '../trial/context.js';
import { TRIAL, type TrialRequest } from '../trial/job.js';
import { startTrial } from '../trial/start.js';
import { readExamples } from '../workloads/examples.js';
import type { TrainingFiles, TrainingProgress } from '../workloads/workload.js';

// What commands ask of this room to be measured, one piece at a time, without a coordinator.

type Foreground = Pick<Attended, 'showing' | 'launcher'>;

/** @throws FailureError what the child died of. */
async function inChild<Answer>(
  task: Task<Answer, ProgressReport>,
  what: string,
  { launcher, showing }: Foreground,
): Promise<Answer> {
  return await showing(what, (onProgress) =>
    answered(launcher({ task, ...UNBOUND, onMessage: progressTo(onProgress) })),
  );
}

/** Lists, checks or times ops of our own native library. @throws FailureError */
export async function runOps(job: KernelsJob, what: string, foreground: Foreground) {
  return await inChild(taskOf(KERNELS, job), what, foreground);
}

/**
 * Times the operators of a model file. @param workload options of the workload latency. @throws FailureError
 */
export async function profileOperators(
  modelPath: string,
  { threads, deviceClass, workload }: { threads: number; deviceClass: string; workload: Options },
  what: string,
  foreground: Foreground,
) {
  const runnerKind = defaultRunnerFor('profiled-generator', formatOf(modelPath).name);
  const cpus = readAffinity('self') ?? [];
  const model = { modelPath, options: { threads }, deviceClass, deviceId: '', cpus };
  const profile = await inChild(taskOf(PROFILE, { runnerKind, model, workload }), what, foreground);
  return { runnerKind, profile };
}

/** A node whose trials are begun one by one. */
export type Trials = Awaited<ReturnType<typeof openTrials>>;

/** Opens what trials on this node share; whoever does closes it. */
export async function openTrials(config: AgentConfig) {
  const node = await openNode(config, await probeFor(config), () => {});
  return {
    profile: node.profile,
    start: (lease: Lease) => startTrial(lease, node.context),
    close: () => closeNode(node),
  };
}

/**
 * Looks at the first CPU device of a node for how much the same thing differs there.
 * @returns null where the node has none.
 */
export async function openNoise(config: AgentConfig) {
  const { nodeName, cpuGroups } = config;
  // Energy sources are not what is asked about, and an idle baseline would take its time.
  const { sysRoot } = config.meters;
  const meters = { energy: 'none', replayFile: null, procRoot: '/proc', sysRoot } as const;
  const probe = await probeNode({ nodeName, labels: {}, cpuGroups, meters, runnerKinds: [] });
  const device = probe.profile.devices.find(({ classes }) => classes.includes('cpu'));
  if (device === undefined) return null;
  const roofs = { forDevice: () => null, absenceReason: () => 'noise is measured without them' };
  const node = contextOf(config, probe, { meters, roofs, factors: null });
  return {
    device,
    measure: (asked: Omit<NoiseRequest, 'node' | 'deviceId'>) =>
      measureNoise({ ...asked, deviceId: device.id, node }),
  };
}

/**
 * @returns where a text lies that a model is trained on.
 * @throws FailureError for one that is not here, or whose examples cannot be read.
 */
export function trainingText(source: string, settings: SourceSettings): string {
  const path = locateText(source, settings);
  if (isExamples(path)) readExamples(path);
  return path;
}

interface TrainAsked extends Pick<TrialRequest, 'modelPath'>, Pick<TrainingFiles, 'textPath' | 'keepPath'> {
  readonly threads: number;
  /** Of the workload finetune. */
  readonly options: Options;
}

/** Who is told how training goes, and who waits for its child. */
interface TrainingHeard {
  progress(progress: TrainingProgress): void;
  warning(message: string): void;
  attend<Answer>(child: Launched<Answer>): Launched<Answer>['ended'];
}

/**
 * Runs the workload finetune alone.
 * @returns what was measured and what was made, null where that came to nothing; with the place of an
 *   adapter's PEFT folder.
 * @throws FailureError
 */
export async function train(
  { modelPath, textPath, keepPath, threads, options }: TrainAsked,
  { progress, warning, attend }: TrainingHeard,
) {
  const child = launch({
    task: taskOf(TRIAL, {
      runner: { kind: defaultRunnerFor('trainer'), options: { threads } },
      workload: { kind: finetune.kind, options },
      measure: MEASURE.parse({ warmupSpread: 0.2, maxWarmups: 3 }),
      modelPath,
      adapters: [],
      minPhaseSeconds: 0,
      deviceClass: 'cpu',
      deviceId: 'cpu0',
      cpus: [],
      training: { textPath, keepPath, runnable: false },
    }),
    ...UNBOUND,
    onMessage(message) {
      // There are no meters to wait for.
      if (message.type === 'resting') child.resume();
      else if (message.type === 'training') progress(message.progress);
      else if (message.type === 'warning') warning(message.warning.message);
    },
  });
  const { findings, warmups } = await answered({ ended: attend(child) });
  if (findings?.of !== 'training' || findings.kept === null) return null;
  const { record, kept } = findings;
  return { record, kept, warmups, peft: kept.kind === 'adapter' ? besideGguf(kept.path) : null };
}
