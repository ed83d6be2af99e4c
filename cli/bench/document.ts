import type { AxisValue } from '../../core/experiment/experiment.js';
import type { RunnerKind } from '../../core/runners/runner.js';
import { type Field, fieldsOf } from '../../core/sweep/fields.js';
import { BOOLEAN_WORDS } from '../../core/sweep/structure.js';
import { latency } from '../../core/workloads/latency.js';
import { serving } from '../../core/workloads/serving.js';
import type { WorkloadKind } from '../../core/workloads/workload.js';
import { usageError } from '../exit.js';
import { BENCH_RUNNERS } from './flags.js';

/** llama-bench's `-pg`. */
export interface TokenPair {
  readonly promptTokens: number;
  readonly generateTokens: number;
}

/** What was said on the command line, lists taken apart at their commas. */
export interface BenchRequest {
  readonly models: readonly string[];
  /** Values as they were typed, by the name of the field. */
  readonly axes: Readonly<Record<string, readonly string[]>>;
  /**
   * Pairs of prompt and decode tokens, each a workload of its own; empty = prompt and decode tokens are axes.
   */
  readonly pairs: readonly TokenPair[];
  /** Device classes; empty = what a sweep has when it does not say. */
  readonly devices: readonly string[];
  /** Of each row, in its one start. */
  readonly repetitions: number;
  readonly warmup: boolean;
}

/**
 * @returns the request as the `spec` of a sweep; what is not said is left out, and nothing is judged: that is
 *   parseSweep's.
 */
export function benchSpec(request: BenchRequest): Record<string, unknown> {
  const { models, axes, pairs, devices, repetitions, warmup } = request;
  return {
    models: oneOf(models),
    runners: BENCH_RUNNERS.map((runner) => blockOf(runner, axes)),
    workloads: workloadsOf(blockOf(latency, axes), pairs),
    measure: {
      starts: 1,
      minRepeats: repetitions,
      maxRepeats: repetitions,
      maxSeconds: null,
      maxWarmups: warmup ? 1 : 0,
    },
    placement: placementOf(devices),
  };
}

/** A load on a server that runs. */
export interface LoadRequest extends Pick<BenchRequest, 'axes' | 'devices' | 'warmup'> {
  /** The runner that asks it. */
  readonly runner: string;
  readonly model: Readonly<Record<'name' | 'source', string>>;
  /** Of each row: the server goes on, and the prompts are others. */
  readonly starts: number;
}

/** @returns as `benchSpec`. */
export function loadSpec({
  runner,
  model,
  axes,
  devices,
  starts,
  warmup,
}: LoadRequest): Record<string, unknown> {
  const load = blockOf(serving, axes);
  return {
    models: model,
    runners: { kind: runner },
    workloads: withArrival(warmup ? load : { ...load, warmupRequests: 0 }),
    measure: { starts },
    placement: placementOf(devices),
  };
}

/** `--request-rate inf`: no request waits for another. */
const NO_RATE = 'inf';

/** @throws CommandError (2) for a load that is of an open and of a closed loop. */
export function refuseTwoLoads(load: BenchRequest['axes']): void {
  const isSaid = (name: string) => (load[name] ?? []).length > 0;
  if (isSaid('requestsPerSecond') && isSaid('concurrency') && load.requestsPerSecond![0] !== NO_RATE)
    throw usageError(
      '--request-rate and --max-concurrency say two things: an open loop sends at its rate, however many requests are on their way',
      'Give one of them: the rate alone, or the concurrency of a closed loop alone.',
    );
}

/**
 * vLLM's flags name no arrival: a rate is that of an open loop, and without one a concurrency is that of a
 * closed loop. A trace says itself when requests start.
 */
function withArrival({ requestsPerSecond: rate, ...load }: SpecBlock): SpecBlock {
  const said = rate === undefined ? load : { ...load, requestsPerSecond: rate };
  if (load.arrival === undefined && load.trace !== undefined) return { ...said, arrival: 'trace' };
  if (load.arrival !== undefined || rate === undefined) return said;
  if (rate !== NO_RATE) return { ...said, arrival: load.burstiness === undefined ? 'poisson' : 'gamma' };
  return load.concurrency === undefined ? { ...load, arrival: 'offline' } : load;
}

type SpecBlock = Readonly<Record<string, unknown>>;

function blockOf({ kind, options }: RunnerKind | WorkloadKind, axes: BenchRequest['axes']): SpecBlock {
  const entries = fieldsOf(options).flatMap((field) => {
    const typed = axes[field.name] ?? [];
    return typed.length === 0 ? [] : [[field.name, oneOf(typed.map((text) => readValue(field, text)))]];
  });
  return { kind, ...Object.fromEntries(entries) };
}

const placementOf = (devices: BenchRequest['devices']) => ({
  driftControl: false,
  ...(devices.length === 0 ? {} : { device: oneOf(devices) }),
});

/**
 * Pairs take the other options of the workload; tokens that were said beside them are a workload of their
 * own.
 */
function workloadsOf(
  { promptTokens, generateTokens, ...rest }: SpecBlock,
  pairs: readonly TokenPair[],
): Record<string, unknown>[] {
  const said = {
    ...(promptTokens === undefined ? {} : { promptTokens }),
    ...(generateTokens === undefined ? {} : { generateTokens }),
  };
  const own = pairs.length === 0 || Object.keys(said).length > 0 ? [{ ...rest, ...said }] : [];
  return [...own, ...pairs.map((pair) => ({ ...rest, ...pair }))];
}

const oneOf = <T>(values: readonly T[]): T | readonly T[] =>
  values.length === 1 && values[0] !== undefined ? values[0] : values;

/**
 * A word of the command line as the value it means to this field (`-fa 1` is true); what it cannot mean stays
 * as it is typed.
 */
function readValue(field: Field, text: string): AxisValue {
  const number = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
  const lower = text.toLowerCase();
  const truth = BOOLEAN_WORDS[lower] ?? lower;
  const meanings = [number, WORDS.get(truth), text].filter((meaning) => meaning !== undefined);
  const meant = meanings.find((meaning) => field.scalar.safeParse(meaning).success);
  return meant === undefined ? number : meant;
}

const WORDS: ReadonlyMap<string, AxisValue> = new Map<string, AxisValue>([
  ['true', true],
  ['false', false],
  ['null', null],
]);
