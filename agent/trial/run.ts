import { failed } from '../../core/errors.js';
import { warn } from '../../core/result/warnings.js';
import { type CoresFound, openCores, type ReadCores } from '../../engines/native/cores.js';
import { buildOf } from '../../engines/native/engine-build.js';
import { loadRunner } from '../../engines/runners/index.js';
import type { AnyFacts } from '../../engines/runners/opened.js';
import { open } from '../../engines/runners/runner.js';
import type { TrainedResult } from '../../engines/runners/trainer.js';
import type { Channel } from '../../process/isolation/channel.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import { workloadNamed } from '../workloads/index.js';
import type {
  GenerationFiles,
  GraphInput,
  PhaseStamper,
  TrainingInput,
  WorkloadInput,
  WorkloadOutcome,
} from '../workloads/workload.js';
import type { TrialReport, TrialRequest } from './job.js';

/**
 * Between two threads of one core a cache line travels in about half the time that it takes between two
 * cores.
 */
const ONE_CORE = 0.75;
/**
 * How often the cores are read before the last reading counts.
 *
 * A host may run two CPUs that have just woken up on one core, until it sees, a few milliseconds later, that
 * both are busy. A trial of one thread leaves its other CPUs idle, so they meet this. It has no bearing on
 * the repeat, so CPUs that seem to share a core are read again; a reading takes a millisecond or two. CPUs
 * that lost time to another process are not read again: whoever reads until they are idle never sees that
 * process.
 */
const READS = 5;

/**
 * @param open opens our library; a test gives its own.
 * @returns a function that reads the cores under a trial's CPUs and tells the parent how they lie now. It
 *   does nothing where the request does not ask for it.
 */
export async function trialCores(
  { cpus, usualLatencies }: Pick<TrialRequest, 'cpus' | 'usualLatencies'>,
  channel: Pick<Channel<TrialReport>, 'send'>,
  open: () => Promise<ReadCores> = openCores,
): Promise<() => void> {
  if (usualLatencies === undefined) return () => {};
  // A library that does not open is told of by whatever else needs it.
  const ask = await open().catch(() => () => null);
  const onOneCore = ({ latencies }: CoresFound) =>
    latencies.some((latency, i) => latency < ONE_CORE * (usualLatencies[i] ?? 0));
  return () => {
    let found = ask(cpus);
    for (let reads = 1; reads < READS && found !== null && onOneCore(found); reads++) found = ask(cpus);
    if (found !== null) channel.send({ type: 'cores', seconds: monotonicSeconds(), ...found });
  };
}

/**
 * Runs one trial in this process: opens the runner, and hands it to the workload. Phases are sent as they
 * end.
 */
export async function runTrial(
  request: TrialRequest,
  channel: Channel<TrialReport>,
): Promise<WorkloadOutcome> {
  const runner = await loadRunner(request.runner.kind);
  const workload = await workloadNamed(request.workload.kind);
  const work = workload.plan(request.workload.options);
  const { modelPath, adapters, deviceClass, deviceId, otherDeviceIds = [] } = request;
  const { cpus, engines, served = null, generation } = request;
  const opening = {
    modelPath,
    adapters,
    options: request.runner.options,
    deviceClass,
    deviceId,
    otherDeviceIds,
    cpus,
    served,
    draftPath: generation?.draftPath ?? null,
    ...(engines !== undefined && { engines }),
    ...work.demands,
  };
  const loadStart = monotonicSeconds();
  const opened = await open(runner, workload.needs, opening);
  const loadEnd = monotonicSeconds();
  channel.send({
    type: 'phase',
    phase: { name: 'load', repeat: null, startSeconds: loadStart, endSeconds: loadEnd, tokens: 0 },
  });
  try {
    const { processes = [] } = opened;
    channel.send({ type: 'loaded', facts: await withBuild(opened.facts), processes });
    if (processes.length > 0) await channel.rest();
    for (const text of opened.warnings) {
      const warning = typeof text === 'string' ? warn('engine-warning', text) : text;
      channel.send({ type: 'warning', warning });
    }
    const lookAtCores = await trialCores(request, channel);
    const context = {
      measure: request.measure,
      minPhaseSeconds: request.minPhaseSeconds,
      now: monotonicSeconds,
      stamp(...[name, repeat, startSeconds, endSeconds, tokens, times]: Parameters<PhaseStamper>) {
        const phase = { name, repeat, startSeconds, endSeconds, tokens };
        channel.send({ type: 'phase', phase: times === undefined ? phase : { ...phase, times } });
      },
      stopReason: () => channel.stopReason(),
      async checkStop() {
        // Before the rest: a hypervisor may put CPUs that were idle elsewhere.
        lookAtCores();
        await channel.rest();
        return channel.stopReason() !== null;
      },
    };
    const input = INPUTS[workload.needs](request, channel);
    return await work.run(opened, context, input);
  } finally {
    opened.close();
  }
}

/**
 * @returns the facts with the build of the engine. The build is asked for after loading has been timed, since
 *   reading its files is no part of loading.
 */
async function withBuild(facts: AnyFacts): Promise<AnyFacts> {
  if (facts.engineFiles.length === 0) return facts;
  const engineBuild = await buildOf(facts.engineFiles);
  return { ...facts, environment: { ...facts.environment, engineBuild } };
}

type InputOf<I> = (request: TrialRequest, channel: Channel<TrialReport>) => I;

/** What workloads are given beside their options, by what they need. */
const INPUTS: { readonly [C in keyof WorkloadInput]: InputOf<WorkloadInput[C]> } = {
  generator: () => null,
  'profiled-generator': () => null,
  'greedy-generator': generationInput,
  'language-model': () => null,
  embedder: () => null,
  op: () => null,
  'tensor-graph': () => null,
  completions: graphInput,
  endpoint: ({ promptsPath = null, modelPath }) => ({ promptsPath, tokenizerPath: modelPath }),
  trainer: trainingInput,
};

/** @throws FailureError for a request without a text: one of another version. */
function generationInput({ generation }: TrialRequest): GenerationFiles {
  if (generation !== undefined) return generation;
  throw failed('impossible-combination', 'the workload generation needs a text');
}

/** @throws FailureError for a request without a graph: one of another version. */
function graphInput({ graph }: TrialRequest): GraphInput {
  if (graph !== undefined) return graph;
  throw failed('impossible-combination', 'the workload graph needs a graph');
}

/** @throws FailureError for a request without the files of a training: one of another version. */
function trainingInput({ training, modelPath }: TrialRequest, channel: Channel<TrialReport>): TrainingInput {
  if (training === null) throw failed('impossible-combination', 'a workload that trains needs a text');
  const { textPath, keepPath, runnable } = training;
  return {
    textPath,
    onProgress: (progress) => channel.send({ type: 'training', progress }),
    keep:
      keepPath === null || modelPath === null
        ? null
        : async (result: TrainedResult) => {
            const { saveTrained } = await import('./trained.js');
            return await saveTrained(keepPath, result, modelPath, runnable);
          },
  };
}
