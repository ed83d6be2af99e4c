import type { ExperimentContent } from '../core/experiment/experiment.js';
import { readOptions } from '../core/experiment/options.js';
import { runnerNamed } from '../core/runners/index.js';
import type { ModelArchitecture } from '../core/work/architecture.js';
import { devicesOf } from '../core/work/pass/devices.js';
import { splitAsked } from '../core/work/served-work.js';
import { workloadNamed } from '../core/workloads/index.js';
import { serving } from '../core/workloads/serving.js';
import type { Entries } from '../judgement/entries.js';
import { requestEntries } from '../judgement/serving.js';
import type { Ceilings } from '../roofline/ceilings.js';
import type { Hardware } from '../roofline/hardware/figure.js';
import { formatsAsked } from '../roofline/served-formats.js';
import { servingEngineNamed } from '../roofline/step/engines.js';
import { parallelismOf } from '../roofline/step/parallelism.js';
import { type MeteredStep, metered, powerOn } from '../roofline/step/power.js';
import type { Residency } from '../roofline/step/residency.js';
import type { HostTimes } from '../roofline/step/setting.js';
import { techniqueShapes } from '../roofline/technique-shapes.js';
import { secondsAround } from './around.js';
import { loadOf } from './load.js';
import { type AskedServer, type PredictedServer, predictedServer } from './predicted-server.js';
import { type BatchingRun, recordsOf } from './run.js';
import { flagsAsked } from './schedulers/index.js';
import { SIMULATION_BOUNDS, simulateBatching } from './simulate.js';

/** A point of a sweep, with what it would run on. */
export interface PointOnGpus {
  readonly point: Pick<ExperimentContent, 'technique' | 'runner' | 'workload'>;
  /** Of its model, as the file has it. */
  readonly architecture: ModelArchitecture;
  readonly device: Hardware;
  /** Of the engine whose operators are taken; null = the newest that was measured. */
  readonly release: string | null;
  /** Calibrated by runs of one's own; null = those that the engine is shipped with. */
  readonly host: HostTimes | null;
  /** Measured on the node; null = none were. */
  readonly own: Ceilings | null;
  /** The text of the trace that the point names; null = it is not here, or there is none. */
  readonly trace: string | null;
  /** Where its simulation ends; left out = far beyond what a sweep measures. */
  readonly effort?: Effort;
}

/** How much is simulated of a point. */
export interface Effort {
  /** Of more, the rest takes as long as these. */
  readonly maxRequests: number;
  readonly maxSteps: number;
}

/** A point that nobody has measured, simulated from its first request to its last. */
export interface PredictedPoint {
  /** `tables of vLLM 0.24.0 on NVIDIA H100 SXM 80GB`. */
  readonly source: string;
  /** What was asked, and what answers: clauses that stand beside every number. */
  readonly load: string;
  readonly server: string;
  /** Standard deviation of ln(predicted / measured) of its times. */
  readonly spread: number;
  readonly widened: readonly string[];
  /** That it takes at once. */
  readonly devices: number;
  readonly residency: Residency;
  /** Sequences of the mean request that all replicas hold together. */
  readonly residentSequences: number;
  /** By metric, as the same requests would be judged if they had been measured. */
  readonly entries: Entries;
  /** Of one start: the requests that are measured, and those that come one by one before and after them. */
  readonly runSeconds: number;
  readonly aroundSeconds: number;
  /** Of all devices while the requests run; in a clause why nobody knows. */
  readonly joules: number | string;
}

/** A point whose queue grows forever ends all the same. */
const EFFORT: Effort = { maxRequests: 4096, maxSteps: 4_000_000 };

/**
 * Predicts what a point that asks a server gives on GPUs, by a simulation of its own load under its own
 * flags.
 * @returns in clauses why nothing can be predicted.
 */
export function predictedPoint(asked: PointOnGpus): PredictedPoint | readonly string[] {
  const { point, trace } = asked;
  const server = askedServer(asked);
  if ('reasons' in server) return server.reasons;
  const options = readOptions(serving.options, point.workload.options);
  if (options.findHighest !== 'none')
    return ['how long a search for the highest load lasts depends on what it finds'];
  if (options.trace !== null && trace === null) return [`the trace ${options.trace} is not here`];
  const { maxRequests, maxSteps } = asked.effort ?? EFFORT;
  const bounds = { ...SIMULATION_BOUNDS, maxSteps };
  const requests = Math.min(options.requests, maxRequests);
  const load = loadOf({ ...options, requests }, trace);
  if (typeof load === 'string') return [load];
  const found = predictedServer(server);
  if (!('server' in found)) return found;
  const power = powerOn(asked.device);
  const meter = typeof power === 'string' ? null : metered(found.step, power);
  const run = simulateBatching(load, { ...found.server, step: meter ?? found.step }, bounds);
  if (run.endedEarly !== null) return [run.endedEarly];
  if (run.refusals.size === run.requests.count)
    return [`the server refuses every request: ${[...run.refusals.values()][0] ?? 'there is none'}`];
  const scale = options.requests / run.requests.count;
  return {
    source: found.source,
    load: load.says,
    server: found.says,
    spread: found.spread,
    widened: found.widened,
    devices: found.devices,
    residency: found.residency,
    residentSequences: found.server.replicas * found.residency.sequencesOf(meanTokens(run)),
    entries: requestEntries(recordsOf(run), point.workload.options),
    runSeconds: scale * run.seconds,
    aroundSeconds: secondsAround(options, found.server, bounds),
    joules:
      meter === null
        ? (power as string)
        : scale * joulesOf(meter, run.busySeconds, run.seconds, server, found),
  };
}

/** @returns a server as a point asks for it; in a clause why there is none. */
export function askedServer({
  point: { runner, workload, technique },
  architecture: base,
  device,
  release,
  host,
  own,
}: PointOnGpus): AskedServer | { readonly reasons: readonly string[] } {
  const refusal = (reason: string) => ({ reasons: [reason] });
  const kind = runnerNamed(runner.kind);
  const engine = kind?.tables == null ? null : servingEngineNamed(kind.tables);
  if (engine === null) return refusal(`no operators of ${runner.kind} were measured on GPUs`);
  if (workloadNamed(workload.kind)?.kind !== serving.kind)
    return refusal(`what ${workload.kind} takes of a server on GPUs is not predicted`);
  if (device.memoryBytes === null) return refusal(`nobody publishes how much memory ${device.name} has`);
  const { options } = runner;
  if (typeof options.speculative === 'string' && options.speculative !== 'off')
    return refusal('a scheduler with speculative decoding is not simulated');
  if (options.cudaGraphs === false)
    return refusal('what launching kernels without CUDA graphs takes is not known');
  if (typeof options.loras === 'string')
    return refusal('the work of adapters beside the weights is not counted');
  const architecture = techniqueShapes(base, technique);
  if (typeof architecture === 'string') return refusal(architecture);
  const formats = formatsAsked(architecture, options);
  if (typeof formats === 'string') return refusal(formats);
  const split = splitAsked(options);
  const parallelism = parallelismOf(architecture, split);
  return {
    architecture,
    formats,
    device,
    memoryBytes: device.memoryBytes.value,
    engine,
    release,
    parallelism,
    replicas: parallelism.data === 1 ? split.replicas : 1,
    flags: flagsAsked(engine.id, options),
    memoryShare: typeof options.memoryShare === 'number' ? options.memoryShare : null,
    host,
    own,
  };
}

/** Of a request, prompt and answer together. */
function meanTokens({ requests: { count, promptTokens, outputTokens } }: BatchingRun): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += promptTokens.at(i) + outputTokens.at(i);
  return Math.ceil(sum / count);
}

/** The devices of a replica compute together, and all of them draw the floor while it has nothing to do. */
function joulesOf(
  meter: MeteredStep,
  busySeconds: number,
  seconds: number,
  { parallelism, replicas }: AskedServer,
  { server }: PredictedServer,
): number {
  const eachDevices = (replicas * devicesOf(parallelism)) / server.replicas;
  return eachDevices * meter.joules(server.replicas * seconds - busySeconds);
}
