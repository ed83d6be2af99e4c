import { totalmem } from 'node:os';
import { nodeSeconds } from '../../core/result/profile-record.js';
import { knownTensorType } from '../../core/techniques/tensor-types.js';
import { llamaCppSetting } from '../../core/work/llama-cpp.js';
import { PASS_DEFAULTS } from '../../core/work/llama-cpp-options.js';
import { scores } from '../../core/work/pass/scores.js';
import { NO_TRAFFIC, type OperatorWork } from '../../core/work/work.js';
import { buildOf } from '../../engines/native/engine-build.js';
import { measuringLibrary } from '../../engines/native/kernel-library.js';
import { type EngineDevice, type Llama, loadLlama, type Pointer } from '../../engines/native/llama.js';
import type { ProgressReport } from '../../process/isolation/job.js';
import { type FactorSamples, type OperatorSample, productWork } from '../../roofline/factors/sample.js';
import { quantileOfSorted, sorted } from '../../statistics/quantile.js';
import { profileModel } from '../profile/run.js';
import { disturbedBetween, readMachineTime } from '../roofs/machine.js';
import { checkTimers } from './checks.js';
import { engineOf } from './engine.js';
import { GraphBench, type Runnable } from './graphs.js';
import {
  type AttentionShape,
  attention,
  type ElementwiseShape,
  elementwise,
  fillMatrices,
  type ProductShape,
  products,
  randomRows,
} from './operations.js';
import { type Bench, benches, TYPES } from './plan.js';
import { ModelFiles, stepTimers } from './steps.js';

/** The time that benches may take: what does not fit into it is left out. */
export class Allowance {
  readonly #seconds: number;
  readonly #now: () => number;
  readonly #began: number;

  /**
   * @param seconds null = as long as it takes.
   * @param now monotonic seconds; a test gives its own.
   */
  constructor(seconds: number | null, now = () => performance.now() / 1000) {
    this.#seconds = seconds ?? Number.POSITIVE_INFINITY;
    this.#now = now;
    this.#began = now();
  }

  /**
   * Does one after the other until the next would end after this share of the time, if it takes as long as
   * the last one did; the first is always done.
   * @returns what they gave.
   */
  async runWithinShare<T>(share: number, work: readonly (() => T | Promise<T>)[]): Promise<T[]> {
    const given: T[] = [];
    let last = 0;
    for (const next of work) {
      const begin = this.#now();
      if (given.length > 0 && begin - this.#began + last > share * this.#seconds) break;
      given.push(await next());
      last = this.#now() - begin;
    }
    return given;
  }
}

export interface FactorsJob {
  /** Of the kernels that are timed; its steps and passes show what it does around them. */
  readonly runnerKind: string;
  readonly deviceClass: string;
  readonly deviceId: string;
  readonly threads: readonly number[];
  /** Types of weights; null = the usual ones. */
  readonly types: readonly string[] | null;
  /** A fifth of the time. */
  readonly quick: boolean;
  /**
   * What does not fit into it is left out, and the first of each kind done in any case; null = as long as it
   * takes.
   */
  readonly secondsAtMost: number | null;
  /** Of the device's last caches; null = unknown. */
  readonly cacheBytes: number | null;
  /** A small model, to see what the engine does around its graphs. */
  readonly modelPath: string;
}

/** What was timed, as soon as it was, so that nothing is lost where time is over; and how far that is. */
export type FactorsReport = Omit<ProgressReport, 'type'> & { readonly type: 'timed' } & Engine &
  Partial<Timed>;
type Engine = Pick<FactorSamples, 'engine' | 'engineBuild'>;
type Timed = Pick<FactorSamples, 'operators' | 'passes' | 'steps' | 'checks'>;

/**
 * A round is at least so long that the clock does not matter, and short enough to fall between disturbances.
 */
const ROUND_SECONDS = 1e-3;
const BENCH_SECONDS = { usual: 0.25, quick: 0.05 } as const;
const LEAST_ROUNDS = 5;
/** Nodes that do next to nothing: what they take is what any node takes. */
const NODE: ElementwiseShape = { kind: 'add', width: 64, rows: 1, copies: 200 };

/** Of the time, when operators are over, and when steps are; what is left is for checks. */
const UNTIL = { operators: 0.6, steps: 0.75 } as const;

/**
 * Times the operators that a model is made of, one kind at a time. Opens native code: in a child process
 * alone.
 * @param tell hears each sample.
 * @returns what else used the machine meanwhile; null when nothing did.
 */
export async function measureFactors(
  job: FactorsJob,
  tell: (report: FactorsReport) => void,
): Promise<string | null> {
  const llama = await loadLlama({ backend: 'shipped', deviceClass: job.deviceClass });
  const engine = { engine: engineOf(llama.release), engineBuild: await buildOf(llama.files) };
  const device = deviceOf(llama, job);
  const { cacheBytes, quick } = job;
  const plan = benches(job.types ?? TYPES, { cacheBytes, memoryBytes: totalmem(), quick });
  const allowance = new Allowance(job.secondsAtMost);
  const before = readMachineTime();
  const files = new ModelFiles();
  try {
    const [firstCheck, ...checks] = checkTimers(job, files);
    const steps = stepTimers(job, files);
    const of = job.threads.length * (plan.length + 1) + steps.length + checks.length + 1;
    let done = 0;
    const tellTimed = (timed: Partial<Timed>) =>
      tell({ type: 'timed', done: ++done, of, ...engine, ...timed });
    // First, for without it nobody knows how far predictions lie off.
    tellTimed({ checks: await firstCheck!() });
    for (const [index, threads] of job.threads.entries()) {
      const bench = new GraphBench(llama, device, threads);
      const seconds = BENCH_SECONDS[job.quick ? 'quick' : 'usual'];
      const timers = plan.map((one) => () => {
        tellTimed({ operators: [{ threads, ...sampleOf(llama, bench, one, seconds) }] });
      });
      try {
        await allowance.runWithinShare((UNTIL.operators * (index + 1)) / job.threads.length, timers);
      } finally {
        bench.close();
      }
      tellTimed({ passes: [{ threads, seconds: await passSeconds(job, threads) }] });
    }
    await allowance.runWithinShare(
      UNTIL.steps,
      steps.map((time) => async () => tellTimed({ steps: await time() })),
    );
    await allowance.runWithinShare(
      1,
      checks.map((time) => async () => tellTimed({ checks: await time() })),
    );
    return disturbedBetween(before, readMachineTime())[0] ?? null;
  } finally {
    files.remove();
  }
}

function deviceOf(llama: Llama, { deviceClass, deviceId }: FactorsJob): EngineDevice | null {
  const family = deviceClass.split(':')[0];
  if (family === 'cpu') return null;
  const fitting = llama.devices.filter(({ kind, backend }) => kind !== 'cpu' && backend === family);
  return fitting.find(({ id }) => id === deviceId) ?? fitting[0] ?? null;
}

function sampleOf(
  llama: Llama,
  bench: GraphBench,
  one: Bench,
  seconds: number,
): Omit<OperatorSample, 'threads'> {
  if (one.kind === 'product') {
    const { shape } = one;
    const work = productWork(shape.weights, shape.inputs, shape.outputs, shape.rows);
    return {
      group: { kind: 'product', weights: shape.weights },
      work,
      tokens: shape.rows,
      queries: shape.rows,
      workingSet: shape.copies * work.traffic.weightsRead,
      seconds: timed(productGraph(llama, bench, shape), shape.copies, seconds),
    };
  }
  if (one.kind === 'attention') {
    const { shape } = one;
    const work = attentionWork(shape);
    return {
      group: { kind: 'attention' },
      work,
      tokens: shape.newTokens * shape.sequences,
      queries: shape.newTokens,
      workingSet: shape.copies * work.traffic.cacheRead,
      seconds: timed(bench.graph(attention(shape)), shape.copies, seconds),
    };
  }
  const shape = one.kind === 'node' ? NODE : one.shape;
  return {
    group: one.kind === 'node' ? { kind: 'node' } : { kind: 'elementwise', of: shape.kind },
    work: elementwiseWork(shape),
    tokens: shape.rows,
    queries: shape.rows,
    workingSet: 0,
    seconds: timed(bench.graph(elementwise(shape)), shape.copies, seconds),
  };
}

function productGraph(llama: Llama, bench: GraphBench, shape: ProductShape): Runnable {
  const matrices: Pointer[] = [];
  const graph = bench.graph(products(shape, matrices));
  const rows = randomRows(llama, knownTensorType(shape.weights).number, shape.inputs);
  fillMatrices(bench, matrices, rows, shape.outputs);
  return graph;
}

/** @returns seconds of one of `calls`; the low quartile of the rounds, for what disturbs only adds. */
function timed(graph: Runnable, calls: number, seconds: number): number {
  try {
    graph.compute();
    const once = clock(graph, 1);
    const repeats = Math.max(1, Math.ceil(ROUND_SECONDS / once));
    const rounds: number[] = [];
    const begin = performance.now();
    while (rounds.length < LEAST_ROUNDS || performance.now() - begin < seconds * 1000)
      rounds.push(clock(graph, repeats));
    return quantileOfSorted(sorted(rounds), 0.25) / calls;
  } finally {
    graph.free();
  }
}

function clock(graph: Runnable, repeats: number): number {
  const begin = performance.now();
  for (let i = 0; i < repeats; i++) graph.compute();
  return (performance.now() - begin) / 1000 / repeats;
}

function attentionWork(shape: AttentionShape): OperatorWork {
  const { heads, kvHeads, headLength, sequences, newTokens, cachedTokens } = shape;
  const setting = llamaCppSetting(PASS_DEFAULTS);
  const batch = [{ sequences, newTokens, cachedTokens }];
  const [work] = scores(
    { ...setting, batch, activationBytes: setting.activationBits / 8, kernels: null },
    {
      queryHeads: heads,
      cacheHeads: kvHeads,
      keyLength: headLength,
      valueLength: headLength,
      window: null,
      valuesInKeys: false,
    },
  );
  return work!;
}

const MODULES = { norm: 'norm', rope: 'rope', add: 'residual', act: 'mlp', store: 'attention' } as const;
const NAMES = { norm: 'attn_norm', rope: 'turn', add: 'attn_add', act: 'mlp_act', store: 'store' } as const;
/** Elements read and written for one of the width, in f32; what is stored is written in f16. */
const READ = { norm: 1, rope: 1, add: 2, act: 2, store: 1 } as const;

function elementwiseWork({ kind, width, rows }: ElementwiseShape): OperatorWork {
  const elements = width * rows;
  return {
    name: kind === 'store' ? 'cache_store_one' : NAMES[kind],
    module: MODULES[kind],
    class: 'elementwise',
    arithmetic: 'f32',
    calls: 1,
    flops: elements,
    traffic: {
      ...NO_TRAFFIC,
      activationsRead: 4 * READ[kind] * elements,
      activationsWritten: kind === 'store' ? 0 : 4 * elements,
      cacheWritten: kind === 'store' ? 2 * elements : 0,
    },
    linkBytes: 0,
  };
}

/** What the engine takes for a step outside its graph. */
async function passSeconds(
  { runnerKind, deviceClass, deviceId, modelPath }: FactorsJob,
  threads: number,
): Promise<number> {
  if (measuringLibrary() === null) return 0;
  const { phases } = await profileModel({
    runnerKind,
    model: { modelPath, options: { threads }, deviceClass, deviceId, cpus: [] },
    workload: { promptTokens: 8, generateTokens: 32, parallel: 1, contextDepth: 0 },
  });
  const decode = phases.find(({ name }) => name === 'decode')!;
  return Math.max(0, decode.profiledSeconds - nodeSeconds(decode)) / decode.passes;
}
