import { nodeSeconds } from '../../core/result/profile-record.js';
import { quantileOfSorted, sorted } from '../../core/statistics/quantile.js';
import { knownTensorType } from '../../core/techniques/tensor-types.js';
import { llamaCppSetting } from '../../core/work/llama-cpp.js';
import type { LayerPass } from '../../core/work/pass/layer-pass.js';
import { scores } from '../../core/work/pass/scores.js';
import { DEFAULT_SETTING } from '../../core/work/pass/setting.js';
import { NO_TRAFFIC, type OperatorWork } from '../../core/work/work.js';
import {
  type FactorSamples,
  type OperatorSample,
  type PassSample,
  productWork,
} from '../../roofline/factors/sample.js';
import { Retaking } from '../cores/retake.js';
import { openBenchCores } from '../cores/watch.js';
import { buildOf } from '../native/engine-build.js';
import { measuringLibrary } from '../native/kernel-library.js';
import { type EngineDevice, type Llama, loadLlama, type Pointer } from '../native/llama.js';
import { profileModel } from '../profile/run.js';
import { timeChecks } from './checks.js';
import { engineOf } from './engine.js';
import { fastest } from './fastest.js';
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
import { timeSteps } from './steps.js';

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
  /** A small model, to see what the engine does around its graphs. */
  readonly modelPath: string;
}

/** A round is at least so long that the clock does not matter, and short enough to fall between disturbances. */
const ROUND_SECONDS = 1e-3;
const BENCH_SECONDS = { usual: 0.25, quick: 0.05 } as const;
const LEAST_ROUNDS = 5;
/** Benches that are looked at together, so that the counters of CPU time can tell what else ran. */
const STRETCH_SECONDS = 1;
/** For benches that are taken again, of everything together. */
const RETAKE_SECONDS = { usual: 120, quick: 6 } as const;
const NODES = 200;

/** Times the operators that a model is made of, one kind at a time. Opens native code: in a child process alone. */
export async function measureFactors(
  job: FactorsJob,
  onProgress?: (done: number, of: number) => void,
): Promise<FactorSamples> {
  const llama = await loadLlama({ backend: 'shipped', deviceClass: job.deviceClass });
  const device = deviceOf(llama, job);
  const plan = benches(job.types ?? TYPES);
  const pace = job.quick ? 'quick' : 'usual';
  const perStretch = Math.ceil(STRETCH_SECONDS / BENCH_SECONDS[pace]);
  const cores = job.deviceClass === 'cpu' ? await openBenchCores() : undefined;
  const retaking = new Retaking(RETAKE_SECONDS[pace], cores);
  const operators: OperatorSample[] = [];
  const passes: PassSample[] = [];
  const of = job.threads.length * (plan.length + 1) + 1;
  for (const threads of job.threads) {
    const bench = new GraphBench(llama, device, threads);
    try {
      for (let at = 0; at < plan.length; at += perStretch) {
        const stretch = plan.slice(at, at + perStretch);
        const timed = () =>
          stretch.map((one) => ({ threads, ...sampleOf(llama, bench, one, BENCH_SECONDS[pace]) }));
        operators.push(...(await fastest(retaking, threads, timed)));
        onProgress?.(operators.length + passes.length, of);
      }
    } finally {
      bench.close();
    }
    const ofPass = async () => [{ threads, seconds: await passSeconds(job, threads) }];
    passes.push(...(await fastest(retaking, threads, ofPass)));
    onProgress?.(operators.length + passes.length, of);
  }
  const steps = await timeSteps(job, retaking);
  const checks = await timeChecks(job, retaking);
  onProgress?.(of, of);
  return {
    operators,
    passes,
    steps,
    checks,
    engine: engineOf(llama.release),
    engineBuild: await buildOf(llama.files),
    disturbed: retaking.disturbed,
  };
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
  switch (one.kind) {
    case 'node': {
      const shape: ElementwiseShape = { kind: 'add', width: 64, rows: 1, copies: NODES };
      const work = elementwiseWork(shape);
      return {
        group: { kind: 'node' },
        work,
        tokens: 1,
        queries: 1,
        workingSet: 0,
        seconds: timed(bench.graph(elementwise(shape)), NODES, seconds),
      };
    }
    case 'product': {
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
    case 'attention': {
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
    default: {
      const { shape } = one;
      return {
        group: { kind: 'elementwise', of: shape.kind },
        work: elementwiseWork(shape),
        tokens: shape.rows,
        queries: shape.rows,
        workingSet: 0,
        seconds: timed(bench.graph(elementwise(shape)), shape.copies, seconds),
      };
    }
  }
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
  const setting = { ...DEFAULT_SETTING, ...llamaCppSetting({}) };
  const batch = [{ sequences, newTokens, cachedTokens }];
  const pass = { ...setting, phase: 'decode', batch } as unknown as LayerPass;
  const length = { keyLength: headLength, valueLength: headLength };
  const [work] = scores(pass, {
    queryHeads: heads,
    cacheHeads: kvHeads,
    ...length,
    window: null,
    valuesInKeys: false,
  });
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
