import type { AxisValue } from '../../../core/experiment/experiment.js';
import type { PhaseName, ResultRecord } from '../../../core/result/result.js';
import { engineOf } from '../../../report/incremental/run-summary.js';
import { quotedOf } from '../../../report/quoted.js';
import type { Report } from '../../../report/report.js';
import type { Row } from '../../../report/rows.js';
import { mean, stddev } from '../../../statistics/summary.js';

/**
 * The rows of `llama-bench` (llama.cpp v0.4.0, tools/llama-bench/llama-bench.cpp, `struct test`): fields in
 * its order, with what they are where a trial says nothing else. One experiment gives two of its tests:
 * - `pp`: `n_prompt` = promptTokens, `n_gen` 0, `n_depth` = contextDepth; the times of the prefill phases;
 * - `tg`: `n_prompt` 0, `n_gen` = generateTokens, `n_depth` = contextDepth + promptTokens, because our decode
 *   runs with the prompt in the cache, as `llama-bench -n 128 -d 512` does and plain `-n 128` does not.
 */
export const FIELDS = {
  build_commit: 'unknown',
  build_number: 0,
  cpu_info: '',
  gpu_info: '',
  backends: '',
  model_filename: '',
  model_type: '',
  model_size: 0,
  model_n_params: 0,
  n_batch: 2048,
  n_ubatch: 512,
  n_threads: 0,
  cpu_mask: '0x0',
  cpu_strict: false,
  poll: 50,
  type_k: 'f16',
  type_v: 'f16',
  n_gpu_layers: -1,
  n_cpu_moe: 0,
  split_mode: 'layer',
  main_gpu: 0,
  no_kv_offload: false,
  flash_attn: -1,
  devices: 'auto',
  tensor_split: '0.00',
  tensor_buft_overrides: 'none',
  load_mode: 'mmap',
  lazy_mode: 'auto',
  embeddings: false,
  no_op_offload: 0,
  no_host: false,
  fit_target: 0,
  fit_min_ctx: 0,
  n_prompt: 0,
  n_gen: 0,
  n_depth: 0,
  test_time: '',
  avg_ns: 0,
  stddev_ns: 0,
  avg_ts: 0,
  stddev_ts: 0,
};

export type Field = keyof typeof FIELDS;
export const FIELD_NAMES = Object.keys(FIELDS) as Field[];
/** Tokens per second; all other numbers are whole. */
export const isFloat = (name: Field): boolean => name.endsWith('_ts');

export interface BenchTest {
  readonly values: Readonly<typeof FIELDS>;
  readonly samplesNs: readonly number[];
  readonly samplesTs: readonly number[];
}

/** @returns the tests that llama-bench could have run, and a sentence for each kind of row left out. */
export function benchTests(report: Report): { tests: BenchTest[]; notes: string[] } {
  const tests: BenchTest[] = [];
  const left = new Map<string, number>();
  for (const row of report.rows) {
    const obstacle = obstacleOf(row);
    if (obstacle === null) tests.push(...row.starts.flatMap(pair));
    else left.set(obstacle, (left.get(obstacle) ?? 0) + 1);
  }
  const notes = [...left].map(
    ([why, count]) => `${count} ${count === 1 ? 'row was' : 'rows were'} left out: ${why}.`,
  );
  return { tests, notes };
}

function obstacleOf({ trial, state, experiment }: Row): string | null {
  if (state === 'failed') return 'failed trials have no numbers';
  if (state === 'invalid') return 'llama-bench has no word for an invalid row';
  if (experiment.runner.kind !== 'llama-cpp')
    return 'only rows of the llama-cpp runner are llama.cpp numbers';
  if (experiment.workload.kind !== 'latency')
    return 'llama-bench knows no workload but prompt and generation';
  if (experiment.workload.options.parallel !== 1) return 'llama-bench has no parallel sequences';
  if (trial.repeats.count === 0) return 'there were no repeats';
  return null;
}

function pair(trial: ResultRecord): BenchTest[] {
  const { options } = trial.experiment.workload;
  const prompt = number(options.promptTokens, 0);
  const generate = number(options.generateTokens, 0);
  const depth = number(options.contextDepth, 0);
  return [
    ...(prompt > 0 ? [test(trial, 'prefill', { n_prompt: prompt, n_gen: 0, n_depth: depth })] : []),
    ...(generate > 0
      ? [test(trial, 'decode', { n_prompt: 0, n_gen: generate, n_depth: depth + prompt })]
      : []),
  ];
}

function test(
  trial: ResultRecord,
  phase: PhaseName,
  size: { n_prompt: number; n_gen: number; n_depth: number },
): BenchTest {
  const samplesNs = trial.phases
    .filter((p) => p.name === phase && p.repeat !== null)
    .map((p) => Math.round((p.endSeconds - p.startSeconds) * 1e9));
  const samplesTs = samplesNs.map((ns) => (1e9 * (size.n_prompt + size.n_gen)) / ns);
  const { experiment, environment } = trial;
  const { options } = experiment.runner;
  const facts = experiment.model.facts;
  const parameters = trial.given?.parameters ?? facts?.parameters ?? 0;
  const gpu = !trial.device.class.startsWith('cpu');
  return {
    values: {
      ...FIELDS,
      // compare-llama-bench.py compares two builds by this; our engines know their release, which is a tag of
      // llama.cpp.
      build_commit: (engineOf(trial) ?? FIELDS.build_commit).replace(/^llama\.cpp /, ''),
      cpu_info: trial.node.cpuModel,
      gpu_info: gpu ? trial.device.name : '',
      backends: BACKENDS[trial.device.class.split(':')[0] ?? ''] ?? trial.device.class,
      model_filename: fileOf(trial),
      model_type: typeOf(trial, parameters),
      model_size: Math.round(quotedOf({ trial }, 'modelBytes')?.value ?? facts?.bytes ?? 0),
      model_n_params: parameters,
      n_batch: number(options.batch, FIELDS.n_batch),
      n_ubatch: number(options.ubatch, FIELDS.n_ubatch),
      n_threads: number(environment.threads, number(options.threads, trial.node.cores)),
      poll: number(options.poll, FIELDS.poll),
      type_k: text(options.kvCacheTypeK, FIELDS.type_k),
      type_v: text(options.kvCacheTypeV, FIELDS.type_v),
      n_gpu_layers: number(options.gpuLayers, FIELDS.n_gpu_layers),
      ...(typeof options.flashAttention === 'boolean' && { flash_attn: Number(options.flashAttention) }),
      ...(options.mmap === false && { load_mode: 'none' }),
      ...size,
      test_time: trial.startedAt.replace(/\.\d+Z$/, 'Z'),
      avg_ns: Math.trunc(mean(samplesNs)),
      // 0 for a single sample, as llama-bench prints it.
      stddev_ns: Math.trunc(stddev(samplesNs) ?? 0),
      avg_ts: mean(samplesTs),
      stddev_ts: stddev(samplesTs) ?? 0,
    },
    samplesNs,
    samplesTs,
  };
}

/** ggml's names of its backends, by our device class. */
const BACKENDS: Readonly<Record<string, string>> = {
  cpu: 'CPU',
  cuda: 'CUDA',
  metal: 'MTL',
  vulkan: 'Vulkan',
  rocm: 'ROCm',
};

function fileOf(trial: ResultRecord): string {
  const { model, technique } = trial.experiment;
  const made = [
    technique.quantization === 'base' ? null : technique.quantization,
    technique.sparsity === 'none' ? null : technique.sparsity,
  ];
  return [model.source, ...made.filter((part) => part !== null)].join(':');
}

/** As `llama_model_desc` words it: `llama 1.24 B Q4_K_M`. */
function typeOf(trial: ResultRecord, parameters: number): string {
  const { model, technique } = trial.experiment;
  const kind = technique.quantization === 'base' ? (model.facts?.quantization ?? '') : technique.quantization;
  const size =
    parameters >= 1e9 ? `${(parameters / 1e9).toFixed(2)} B` : `${(parameters / 1e6).toFixed(2)} M`;
  return [model.facts?.architecture ?? model.name, size, kind.toUpperCase()].join(' ').trim();
}

function number(value: AxisValue | undefined, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}

function text(value: AxisValue | undefined, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}
