import { toFailure } from '../core/errors.js';
import { arithmeticOf, isKnown, onGpu } from '../core/kernels/arithmetic.js';
import type { KernelRecord } from '../core/kernels/record.js';
import type {
  RooflineGiven,
  RooflinePhase,
  RooflineRecord,
  TrainingPart,
} from '../core/result/roofline-record.js';
import { runnerNamed } from '../core/runners/index.js';
import { type EnginePasses, onDevices } from '../core/work/engine-passes.js';
import { predictableWork } from '../core/work/latency.js';
import { counted, type PhaseWork, phaseWork, stagedPhaseWork } from '../core/work/phase-work.js';
import type { PlacedPhase } from '../core/work/work.js';
import { workloadNamed } from '../core/workloads/index.js';
import type { Evidence } from '../judgement/evidence.js';
import { NOT_APPLICABLE } from '../judgement/not-applicable.js';
import { median } from '../statistics/quantile.js';
import { peakFor } from './ceilings.js';
import { bandwidthOf, type MachineModel, measuredMachine, warmLevelOf } from './machine-model.js';
import { servedRow } from './served-row.js';
import { named, underRoofs } from './under-roofs.js';

/**
 * Places a row under its roofs: each phase under the ceilings of its device, and what was predicted beside
 * what was measured.
 * @returns the block of a record, or why there is none.
 */
export function placeRow(evidence: Evidence): RooflineRecord | string {
  const { input } = evidence;
  const { runner, workload } = input.experiment;
  const counting = runnerNamed(runner.kind)?.counting;
  if (counting?.by === 'nothing') return counting.reason;
  if (counting?.by === 'call') return callOf(evidence);
  if (counting?.by === 'served') return servedRow(evidence, counting.engine);
  if (input.given.roofline === null) return input.absent.roofline ?? 'the work of the model is not known';
  if (counting?.by === 'step') return trainingOf(evidence, input.given.roofline);
  if (counting?.by === 'pass' && workloadNamed(workload.kind)?.needs === 'generator')
    return answersOf(evidence, input.given.roofline, counting.engine);
  if (counting?.by === 'pass' && input.inference !== null && input.given.roofline.architecture.encoder)
    return runsOf(evidence, input.given.roofline, counting.engine);
  return `work is not counted of the runner ${runner.kind} under the workload ${workload.kind}`;
}

function answersOf(evidence: Evidence, given: RooflineGiven, engine: EnginePasses): RooflineRecord | string {
  const { input, repeats } = evidence;
  const { runner, workload } = input.experiment;
  const asked = predictableWork(workload);
  const secondsOf = (name: PlacedPhase) =>
    name === 'prefill' || name === 'decode' ? repeats.flatMap((repeat) => repeat[name]?.seconds ?? []) : [];
  const { architecture, stages, split } = given;
  const { options } = runner;
  try {
    if (stages !== undefined) {
      const phases = stagedPhaseWork(architecture, options, asked, engine, stages.layers);
      return underRoofs(input, given, phases, secondsOf);
    }
    const tensor = split?.tensor ?? 1;
    const phases = phaseWork(architecture, options, asked, onDevices(engine, tensor)).map((work) => [work]);
    const placed = Array.from({ length: tensor }, (_, device) =>
      underRoofs(input, given, phases, secondsOf, device),
    );
    return slowest(placed);
  } catch (error) {
    return toFailure(error).message;
  }
}

/** Devices that share every matrix wait for the slowest, so that is what the row stands under. */
function slowest(placed: readonly (RooflineRecord | string)[]): RooflineRecord | string {
  const found: RooflineRecord[] = [];
  for (const one of placed) {
    if (typeof one === 'string') return one;
    found.push(one);
  }
  const origins = new Set(found.map(({ ceilings }) => ceilings.origin));
  if (origins.size > 1)
    return 'the roofs of some devices were measured and those of others are published: they never mix';
  const roofSeconds = ({ phases }: RooflineRecord) =>
    phases.reduce((sum, phase) => sum + phase.roofSeconds, 0);
  const most = found.reduce((a, b) => (roofSeconds(b) > roofSeconds(a) ? b : a));
  return found.length === 1 ? most : { ...most, devices: found.length };
}

/** Runs of an encoder, whose first input is its texts. */
function runsOf(
  { input }: Evidence,
  given: RooflineGiven,
  { encode }: EnginePasses,
): RooflineRecord | string {
  const { experiment, inference } = input;
  const [items, tokens] = inference?.inputs[0]?.shape ?? [];
  if (encode === undefined || items === undefined || tokens === undefined)
    return `work is not counted of the runner ${experiment.runner.kind} under the workload ${experiment.workload.kind}`;
  if (given.stages !== undefined || given.split !== undefined)
    return 'how an encoder shares its work between devices is not counted';
  try {
    const request = encode({ items, tokens }, experiment.runner.options);
    if (typeof request === 'string') return request;
    const pass = counted(given.architecture, request, 1);
    return underRoofs(input, given, [[{ name: 'infer', tokens: items * tokens, passes: [pass] }]], () =>
      inference!.runSeconds.map((seconds) => median(seconds)),
    );
  } catch (error) {
    return toFailure(error).message;
  }
}

/** The parts of a step, each by itself. */
function trainingOf({ input, outcome }: Evidence, given: RooflineGiven): RooflineRecord | string {
  const { training } = input;
  if (given.parts === undefined || training === null) return 'the graphs of a step were not counted';
  const tokens = training.sequencesPerStep * training.windowTokens;
  return underRoofs(
    input,
    given,
    given.parts.map((part) => [workOf(part, tokens)]),
    (name) =>
      name === 'forward' || name === 'backward' || name === 'optimizer'
        ? training.stepSeconds[name].slice(outcome.warmups)
        : [],
  );
}

function workOf({ name, operators }: TrainingPart, tokens: number): PhaseWork {
  const pass = { work: { operators }, times: 1, tokens, queries: tokens, sequences: 1, depth: tokens };
  return { name, tokens, passes: [pass] };
}

/** A call stands under measured roofs, or under none. */
function callOf({ input }: Evidence): RooflineRecord | string {
  const { kernel, roofs, device, absent } = input;
  if (kernel === null) return NOT_APPLICABLE.kernel;
  if (!isKnown(kernel)) return `this release has no op ${kernel.op}/${kernel.variant}`;
  const machineModel = roofs === null ? null : measuredMachine(roofs, named(device), kernel.threads, null);
  if (roofs === null || machineModel === null) return absent.roofs ?? 'no roofs were measured on this device';
  const seconds = median(kernel.callSeconds.map((calls) => median(calls)));
  return {
    ceilings: { origin: 'measured', id: roofs.id, name: device.name },
    threads: kernel.threads,
    factors: null,
    phases: [placeCall(kernel, machineModel, seconds)],
  };
}

/**
 * Places a call of an op: the least time that the roofs allow is that of its bytes or of its FLOPs, whichever
 * is longer. A call that finds its inputs in the caches stands under the last cache's bandwidth, where that
 * was measured: of a GPU that is L2.
 * @param measuredSeconds of one call.
 */
function placeCall(
  kernel: Pick<KernelRecord, 'op' | 'variant' | 'type' | 'flops' | 'bytes' | 'cache'>,
  machineModel: MachineModel,
  measuredSeconds: number,
): RooflinePhase {
  const { flops, bytes } = kernel;
  const level = kernel.cache === 'warm' ? warmLevelOf(machineModel, onGpu(kernel)) : 'memory';
  const bandwidth = { level, bytesPerSecond: bandwidthOf(machineModel, level) };
  const arithmetic = arithmeticOf(kernel);
  const peak = peakFor(machineModel.ceilings, arithmetic);
  const memorySeconds = bytes / bandwidth.bytesPerSecond;
  const computeSeconds = peak === null ? 0 : flops / peak.flopsPerSecond;
  const roofSeconds = Math.max(memorySeconds, computeSeconds);
  const bound = memorySeconds >= computeSeconds ? 'memory' : 'compute';
  return {
    name: 'call',
    tokens: null,
    passes: 1,
    flops,
    bytes: null,
    intensity: flops / bytes,
    measuredSeconds,
    roofSeconds,
    predictedSeconds: roofSeconds,
    residualRatio: measuredSeconds / roofSeconds,
    flopsPerSecond: flops / measuredSeconds,
    bytesPerSecond: bytes / measuredSeconds,
    mfu: peak === null ? null : computeSeconds / measuredSeconds,
    peak,
    mbu: memorySeconds / measuredSeconds,
    bandwidth,
    roofRatio: roofSeconds / measuredSeconds,
    bound,
    boundLevel: bound === 'memory' ? bandwidth.level : (peak?.arithmetic ?? arithmetic),
    modules: null,
  };
}
