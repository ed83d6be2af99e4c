import type { ModelArchitecture } from '../core/work/architecture.js';
import { devicesOf, replicasOf } from '../core/work/pass/devices.js';
import type { Parallelism } from '../core/work/pass/setting.js';
import type { ServedBits } from '../roofline/analysis/bits.js';
import { servedStep } from '../roofline/analysis/served-step.js';
import type { Ceilings } from '../roofline/ceilings.js';
import type { Hardware } from '../roofline/hardware/figure.js';
import { heldToRoofs } from '../roofline/operators/own-roofs.js';
import { timesOn } from '../roofline/operators/shipped/index.js';
import { isKnown } from '../roofline/step/calls-time.js';
import type { Step } from '../roofline/step/compile.js';
import type { ServingEngine } from '../roofline/step/engines.js';
import { type Residency, residency } from '../roofline/step/residency.js';
import { type HostTimes, isFitted } from '../roofline/step/setting.js';
import { type SchedulerFlags, schedulerNamed } from './schedulers/index.js';
import type { Scheduler } from './schedulers/scheduler.js';
import type { BatchingServer } from './server.js';

/** A server that nobody has started: a model under an engine on GPUs. */
export interface AskedServer {
  /** As its file has it. */
  readonly architecture: ModelArchitecture;
  readonly formats: ServedBits;
  readonly device: Hardware;
  /** Of one device. */
  readonly memoryBytes: number;
  readonly engine: ServingEngine;
  /** Whose operators are taken; null = the newest that was measured. */
  readonly release: string | null;
  /** Of one replica. */
  readonly parallelism: Parallelism;
  readonly replicas: number;
  /** Of the engine's scheduler, by their names in our spelling; others are as it has them on this device. */
  readonly flags: SchedulerFlags;
  /** That the engine takes of a device's memory; null = as it does unless told otherwise. */
  readonly memoryShare: number | null;
  /** Calibrated by runs of one's own; null = those that the engine is shipped with. */
  readonly host: HostTimes | null;
  /** Measured on the node, which no prediction is faster than; null = none were. */
  readonly own: Ceilings | null;
}

export interface PredictedServer {
  readonly server: BatchingServer;
  /** What a step takes, with what limits it and how sure that is. */
  readonly step: Step;
  /** `tables of vLLM 0.24.0 on NVIDIA H100 SXM 80GB, host times fitted on 2898 measured servers`. */
  readonly source: string;
  /** Flags and cache: a clause that stands beside every answer. */
  readonly says: string;
  /** Standard deviation of ln(predicted / measured) of a step that decodes. */
  readonly spread: number;
  /** What makes it less sure than tables of one's own: a clause each. */
  readonly widened: readonly string[];
  /** Of all replicas. */
  readonly devices: number;
  readonly residency: Residency;
}

/** Tokens of a sequence by which the cache is counted: what sequences keep once hardly matters then. */
const LONG = 4096;

const NO_HOST_TIMES =
  'what the host takes beside operators is not known (`ridge factors --calibrate` fits it)';

/**
 * The door from a question to a server that can be simulated.
 * @returns in clauses why there is none: it does not fit, no table times it, a flag is wrong, the model
 *   cannot be spread so.
 */
export function predictedServer(asked: AskedServer): PredictedServer | readonly string[] {
  const { architecture, formats, device, memoryBytes, engine, parallelism, replicas, memoryShare } = asked;
  if (parallelism.pipeline > 1) return ['how stages of a pipeline overlap is not simulated'];
  const scheduler = schedulerNamed(engine.id, asked.flags, {
    name: device.name,
    memoryGiB: memoryBytes / 2 ** 30,
  });
  if (typeof scheduler === 'string') return [scheduler];
  const host = asked.host ?? engine.host;
  try {
    const shipped = timesOn(device, engine.id, asked.release);
    const times = asked.own === null ? shipped : heldToRoofs(shipped, asked.own);
    const compile = () => servedStep(architecture, formats, parallelism, engine, times, host);
    const key = JSON.stringify([
      architecture,
      formats,
      parallelism,
      engine.id,
      host,
      device.id,
      asked.release,
    ]);
    const found = asked.own === null ? compiledOnce(key, compile) : compile();
    if (!isKnown(found)) return found;
    const { step, setting } = found;
    const memory = memoryOf(engine, scheduler);
    const room = residency(found.architecture, setting, memory, memoryBytes, memoryShare);
    const cacheTokens = room.sequencesOf(LONG) * LONG;
    if (cacheTokens === 0) return [doesNotFit(devicesOf(parallelism), device, room)];
    const { spread, widened } = step.timeOf({ decodes: 1, contextTokens: LONG, chunks: [] });
    const known = isFitted(host);
    return {
      server: {
        scheduler: withinContext(scheduler, architecture.contextLength),
        step,
        cacheTokens,
        requestSeconds: host.requestSeconds ?? 0,
        // Groups that share experts alone have queues, sequences and a cache of their own.
        replicas: replicas * replicasOf(parallelism),
      },
      step,
      source: step.source,
      says: `${scheduler.says}; ${cacheTokens} tokens in the cache of a replica, in ${setting.kernels.cache}`,
      spread,
      widened: known ? widened : [NO_HOST_TIMES, ...widened],
      devices: replicas * devicesOf(parallelism),
      residency: room,
    };
  } catch (error) {
    // A split that the model cannot have.
    return [(error as Error).message];
  }
}

/** A server refuses what is longer than its model can read. */
function withinContext(scheduler: Scheduler, contextLength: number): Scheduler {
  return {
    ...scheduler,
    refusal: (promptTokens, outputTokens, cacheTokens) =>
      promptTokens + outputTokens > contextLength
        ? `${promptTokens + outputTokens} tokens are more than the ${contextLength} of the model`
        : scheduler.refusal(promptTokens, outputTokens, cacheTokens),
  };
}

/** Points of a sweep share their model and devices, and a step takes longer to compile than to simulate. */
const COMPILED = new Map<string, ReturnType<typeof servedStep>>();
const MOST_COMPILED = 32;

function compiledOnce(key: string, compile: () => ReturnType<typeof servedStep>) {
  const known = COMPILED.get(key);
  if (known !== undefined) return known;
  const made = compile();
  const [oldest] = COMPILED.keys();
  if (COMPILED.size >= MOST_COMPILED) COMPILED.delete(oldest!);
  COMPILED.set(key, made);
  return made;
}

/** An engine makes room for the fullest pass of its scheduler. */
function memoryOf({ memory }: ServingEngine, scheduler: Scheduler): ServingEngine['memory'] {
  const { stepTokens, mostSequences, blockTokens } = scheduler;
  return {
    ...memory,
    passTokens: Number.isFinite(stepTokens) ? stepTokens : memory.passTokens,
    mostSequences,
    blockTokens,
  };
}

const gib = (bytes: number) => (bytes / 2 ** 30).toFixed(1);

function doesNotFit(devices: number, { name }: Hardware, room: Residency): string {
  const { weightBytes, activationBytes, engineBytes, cacheBytes } = room;
  const held = `weights take ${gib(weightBytes)} GiB of a device, the fullest pass ${gib(activationBytes)}, the engine ${gib(engineBytes)}`;
  const left =
    cacheBytes <= 0
      ? 'nothing is left for the cache'
      : `the cache has ${gib(cacheBytes)}, less than one sequence of ${LONG} tokens`;
  return `it does not fit on ${devices} × ${name}: ${held}, and ${left}`;
}
