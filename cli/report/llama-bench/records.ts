import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { Experiment } from '../../../core/experiment/experiment.js';
import { groupBy } from '../../../core/maps.js';
import { METRICS, type MetricName, metricNamed } from '../../../core/metrics/catalogue.js';
import { RESULT_SCHEMA, type ResultRecord, resultSchema } from '../../../core/result/result.js';
import { DEFAULT_RUNNER } from '../../../core/runners/index.js';
import { experimentAt } from '../../../core/sweep/expand.js';
import { parseSweep } from '../../../core/sweep/parse.js';
import { planSpace } from '../../../core/sweep/space.js';
import { API_VERSION } from '../../../core/sweep/spec.js';
import { median } from '../../../statistics/quantile.js';
import type { LlamaBenchRow } from './rows.js';

/**
 * A prompt and an answer behind it, as one experiment of ours has both; one of them may not have been timed.
 */
interface Pair {
  readonly prompt: LlamaBenchRow | null;
  readonly answer: LlamaBenchRow | null;
  readonly promptTokens: number;
  readonly generateTokens: number;
  readonly depth: number;
  /** Why there is no speed of the answer. */
  readonly noAnswer: string;
}

export interface Imported {
  readonly records: readonly ResultRecord[];
  readonly notes: readonly string[];
}

const UNTOLD = 'llama-bench does not tell it';
/** What two tests of one setting differ in: their lengths and their times. */
const OWN = /^n_(prompt|gen|depth)$|^test_time$|_(ns|ts)$/;

/**
 * Turns rows of llama-bench into records, so that they stand in reports and comparisons. Its `pp` at a depth
 * is our prefill there; its `tg` is our decode where its depth is that of prompt and context together, as
 * `-d` has it: plain `tg` runs in an empty context, and is a row of its own. Everything else is null with a
 * reason; there are no raw readings.
 * @throws Error where a row says what no sweep can.
 */
export function importedRecords(rows: readonly LlamaBenchRow[]): Imported {
  const groups = groupBy(rows, (row) =>
    JSON.stringify(Object.entries(row).filter(([name]) => !OWN.test(name))),
  );
  const both = rows.filter((row) => row.n_prompt > 0 && row.n_gen > 0).length;
  const pairs = [...groups.values()].flatMap(pairsOf);
  return {
    records: pairs.map(recordOf),
    notes:
      both === 0
        ? []
        : [`${both} rows of llama-bench -pg are left out: their time is that of prompt and answer together`],
  };
}

function pairsOf(rows: readonly LlamaBenchRow[]): Pair[] {
  const prompts = rows.filter((row) => row.n_prompt > 0 && row.n_gen === 0);
  const answers = rows.filter((row) => row.n_prompt === 0 && row.n_gen > 0);
  const answersAfter = (prompt: LlamaBenchRow) =>
    answers.filter((row) => row.n_depth === prompt.n_depth + prompt.n_prompt);
  const lengths = [...new Set(answers.map((row) => row.n_gen))];
  const paired = new Set(prompts.flatMap(answersAfter));
  const pair = (
    prompt: LlamaBenchRow | null,
    answer: LlamaBenchRow | null,
    generateTokens: number,
  ): Pair => ({
    prompt,
    answer,
    generateTokens,
    promptTokens: prompt?.n_prompt ?? 0,
    depth: prompt?.n_depth ?? answer?.n_depth ?? 0,
    noAnswer:
      generateTokens === 0
        ? 'llama-bench generated nothing'
        : `llama-bench generated in another context: -d ${(prompt?.n_depth ?? 0) + (prompt?.n_prompt ?? 0)} is that behind the prompt`,
  });
  return [
    ...prompts.flatMap((prompt) => {
      const own = answersAfter(prompt);
      if (own.length > 0) return own.map((answer) => pair(prompt, answer, answer.n_gen));
      return (lengths.length > 0 ? lengths : [0]).map((generate) => pair(prompt, null, generate));
    }),
    ...answers.filter((row) => !paired.has(row)).map((answer) => pair(null, answer, answer.n_gen)),
  ];
}

function recordOf(pair: Pair, position: number): ResultRecord {
  const row = (pair.prompt ?? pair.answer)!;
  const experiment = experimentOf(pair, row);
  const ran = [pair.prompt, pair.answer].flatMap((one) => (one === null ? [] : [one]));
  const seconds = ran.reduce(
    (sum, one) => sum + (one.samples_ns ?? [one.avg_ns]).reduce((a, b) => a + b, 0) / 1e9,
    0,
  );
  const started = Math.min(...ran.map((one) => Date.parse(one.test_time)));
  const hash = createHash('sha256').update(JSON.stringify(pair)).digest('hex');
  return resultSchema.parse({
    schema: RESULT_SCHEMA,
    trialId: `t${hash.slice(0, 16)}`,
    experimentId: experiment.id,
    sweep: {
      id: 'llama-bench',
      name: 'llama-bench',
      position,
      block: 0,
      purpose: 'measure',
      attempt: 1,
      start: 1,
    },
    experiment,
    node: { name: 'llama-bench', hostname: '', cpuModel: row.cpu_info, cores: row.n_threads, memoryBytes: 0 },
    device: { id: `${experiment.device}0`, class: experiment.device, name: row.gpu_info || row.cpu_info },
    environment: {
      engine: `llama.cpp ${row.build_commit}`,
      engineBuild: row.build_number > 0 ? `b${row.build_number}` : null,
      engineDevice: row.backends,
      threads: row.n_threads,
      importedFrom: 'llama-bench',
    },
    startedAt: new Date(started).toISOString(),
    endedAt: new Date(started + 1000 * seconds).toISOString(),
    status: 'complete',
    failure: null,
    phases: [],
    repeats: { count: row.samples_ns?.length ?? 1, warmups: 1, stop: 'max-repeats', halfWidth: null },
    measurements: measurementsOf(pair, row),
    warnings: [],
    valid: true,
    quality: null,
    training: null,
    kernel: null,
    profile: null,
    artifact: null,
    roofs: null,
    roofline: null,
    tokenSeconds: [],
    samples: [],
    absent: {
      samples: UNTOLD,
      energy: UNTOLD,
      roofline: UNTOLD,
      memoryBytes: `${UNTOLD}; 0 stands for it`,
      cores: `${UNTOLD}; its threads stand for them`,
    },
  });
}

function measurementsOf({ prompt, answer, noAnswer }: Pair, row: LlamaBenchRow): Record<string, unknown> {
  const all: Record<string, unknown> = Object.fromEntries(
    METRICS.map(({ name, unit }) => [name, { value: null, unit, reason: UNTOLD }]),
  );
  const set = (name: MetricName, of: LlamaBenchRow | null, why: string, by: 'speed' | 'time', tokens = 1) => {
    const { unit } = metricNamed(name)!;
    if (of === null) {
      all[name] = { value: null, unit, reason: why };
      return;
    }
    const number = (ns: number) => (by === 'speed' ? (1e9 * tokens) / ns : ns / 1e9 / tokens);
    const samples = of.samples_ns?.map(number) ?? null;
    const mean = samples === null ? number(of.avg_ns) : samples.reduce((a, b) => a + b, 0) / samples.length;
    const value = samples === null || samples.length === 0 ? mean : median(samples);
    const stddev = by === 'speed' ? of.stddev_ts : of.stddev_ns / 1e9 / tokens;
    const cv = mean === 0 ? null : stddev / mean;
    const n = samples?.length ?? 1;
    all[name] = {
      value,
      unit,
      n,
      mean,
      median: value,
      stddev,
      cv,
      ci95: null,
      samples,
      source: 'llama-bench',
    };
  };
  const noPrompt = 'llama-bench read no prompt';
  set('prefillTokensPerSecond', prompt, noPrompt, 'speed', prompt?.n_prompt);
  set('timeToFirstTokenSeconds', prompt, noPrompt, 'time');
  set('decodeTokensPerSecond', answer, noAnswer, 'speed', answer?.n_gen);
  set('timePerOutputTokenSeconds', answer, noAnswer, 'time', answer?.n_gen);
  const bytes = row.model_size;
  all.modelBytes = {
    value: bytes,
    unit: 'B',
    n: 1,
    mean: bytes,
    median: bytes,
    stddev: null,
    cv: null,
    ci95: null,
    samples: null,
    source: 'llama-bench',
  };
  return all;
}

/**
 * The point of a sweep that says the same; its options that llama-bench does not name have their defaults.
 */
function experimentOf({ promptTokens, generateTokens, depth }: Pair, row: LlamaBenchRow): Experiment {
  const { backends, gpu_info: gpu } = row;
  const backend = CLASSES.find(([name]) => backends.includes(name));
  const device = backend === undefined || row.n_gpu_layers === 0 || gpu === '' ? 'cpu' : backend[1];
  const flash = Number(row.flash_attn);
  const layers = row.n_gpu_layers;
  const spec = {
    models: basename(row.model_filename),
    runners: {
      kind: DEFAULT_RUNNER,
      threads: row.n_threads,
      batch: row.n_batch,
      ubatch: Math.min(row.n_ubatch, row.n_batch),
      kvCacheTypeK: row.type_k,
      kvCacheTypeV: row.type_v,
      flashAttention: flash < 0 ? 'auto' : flash > 0,
      mmap: row.load_mode === undefined ? Number(row.use_mmap ?? 1) > 0 : row.load_mode === 'mmap',
      // A model has fewer than 99, which is how people write all of them.
      ...(device === 'cpu' || layers < 0 || layers >= 99 ? {} : { gpuLayers: layers }),
    },
    workloads: { kind: 'latency', promptTokens, generateTokens, contextDepth: depth },
    measure: { starts: 1 },
    placement: { device },
  };
  const document = { apiVersion: API_VERSION, kind: 'Sweep', metadata: { name: 'llama-bench' }, spec };
  const parsed = parseSweep(JSON.stringify(document));
  if (!parsed.ok)
    throw new Error(`a row of llama-bench is no point of a sweep: ${parsed.diagnostics[0]?.message}`);
  const space = planSpace(parsed.sweep);
  if (space.count !== 1)
    throw new Error(
      `a row of llama-bench is no point of a sweep: ${space.impossible[0]?.reason ?? 'it cannot run'}`,
    );
  return experimentAt(space, 0);
}

const CLASSES = [
  ['CUDA', 'cuda'],
  ['Vulkan', 'vulkan'],
  ['Metal', 'metal'],
  ['MTL', 'metal'],
] as const;
