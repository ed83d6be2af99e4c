import { judge } from '../../../batching/judge.js';
import type { Experiment, MeasurePolicy } from '../../../core/experiment/experiment.js';
import { METRICS } from '../../../core/metrics/catalogue.js';
import {
  ENERGY_QUANTITIES,
  type EnergyQuantityName,
  QUANTITIES,
  type QuantityName,
} from '../../../core/metrics/meters.js';
import type { QualityRecord } from '../../../core/quality/record.js';
import {
  type Phase,
  RESULT_SCHEMA,
  type ResultRecord,
  type SampleSeries,
  type TrialFacts,
} from '../../../core/result/result.js';
import { UNCHANGED } from '../../../core/techniques/index.js';
import type { Outcome } from '../../../judgement/evidence.js';
import { POLICY } from '../../support/experiments.js';
import { GIVEN, ROOFS } from '../../support/roofline.js';

/**
 * A trial whose truth is known: per repeat 2 s of prefill at 200 W and 4 s of decode at 120 W, then 1 s of
 * rest at the idle 50 W. Readings every 0.1 s begin half a second early and end half a second late.
 */
export const TRUTH = {
  repeats: 5,
  prefillSeconds: 2,
  decodeSeconds: 4,
  restSeconds: 1,
  prefillWatts: 200,
  decodeWatts: 120,
  idleWatts: 50,
  promptTokens: 1024,
  outputTokens: 256,
} as const;

const PERIOD = 0.1;
const START = 3;

export const policy: MeasurePolicy = { ...POLICY, maxStealRatio: 0.02, maxForeignCores: 0.25 };

export const experiment: Experiment = {
  id: 'x0123456789abcdef01234567',
  model: { name: 'small', source: 'builtin:small', digest: null, facts: null },
  technique: { ...UNCHANGED, quantization: 'q8_0' },
  runner: { kind: 'llama-cpp', options: { threads: 2 } },
  workload: { kind: 'latency', options: { promptTokens: 1024, generateTokens: 256, parallel: 1 } },
  measure: policy,
  quality: null,
  device: 'cuda:h100',
  settings: null,
  node: null,
};

/** @param speed multiplies the duration of each repeat's phases; 1 everywhere by default. */
export function phasesOf(
  speed: (repeat: number) => number = () => 1,
  repeats: number = TRUTH.repeats,
): Phase[] {
  const phases: Phase[] = [
    { name: 'load', repeat: null, startSeconds: 0.5, endSeconds: 1.5, tokens: 0 },
    { name: 'warm-up', repeat: 0, startSeconds: 1.6, endSeconds: 2.6, tokens: 100 },
  ];
  let t: number = START;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const prefillEnd = t + TRUTH.prefillSeconds * speed(repeat);
    const decodeEnd = prefillEnd + TRUTH.decodeSeconds * speed(repeat);
    phases.push({
      name: 'prefill',
      repeat,
      startSeconds: t,
      endSeconds: prefillEnd,
      tokens: TRUTH.promptTokens,
    });
    phases.push({
      name: 'decode',
      repeat,
      startSeconds: prefillEnd,
      endSeconds: decodeEnd,
      tokens: TRUTH.outputTokens,
    });
    t = decodeEnd + TRUTH.restSeconds;
  }
  return phases;
}

/**
 * Readings on the 0.1 s grid of a function of time, from half a second before the first repeat until after
 * the last.
 */
export function sampled(
  quantity: string,
  kind: 'gauge' | 'counter',
  valueAt: (seconds: number) => number,
  phases: readonly Phase[] = phasesOf(),
): SampleSeries {
  const end = Math.max(...phases.map((p) => p.endSeconds)) + 0.5;
  const ticks = Array.from({ length: Math.round(end / PERIOD) + 1 }, (_, i) => i / 10);
  return {
    meter: 'replay',
    quantity,
    unit: '',
    kind,
    periodSeconds: PERIOD,
    seconds: ticks,
    values: ticks.map(valueAt),
  };
}

export function wattsAt(t: number, phases: readonly Phase[] = phasesOf()): number {
  const phase = phases.find((p) => p.startSeconds <= t && t < p.endSeconds);
  if (phase?.name === 'prefill') return TRUTH.prefillWatts;
  return phase?.name === 'decode' ? TRUTH.decodeWatts : TRUTH.idleWatts;
}

/** Energy since 0 by adding up the pieces, not by the code under test. */
export function joulesAt(t: number, phases: readonly Phase[] = phasesOf()): number {
  let joules = t * TRUTH.idleWatts;
  for (const p of phases) {
    const seconds = Math.max(0, Math.min(t, p.endSeconds) - p.startSeconds);
    if (p.name === 'prefill') joules += seconds * (TRUTH.prefillWatts - TRUTH.idleWatts);
    if (p.name === 'decode') joules += seconds * (TRUTH.decodeWatts - TRUTH.idleWatts);
  }
  return joules;
}

/**
 * What the model said: a perplexity of 9 against its base's 8, and one task with 3 of 4 right where the base
 * has 4.
 */
const ANSWERS: QualityRecord = {
  text: {
    tokens: 1000,
    windows: 2,
    scored: 500,
    perplexity: { value: 9, standardError: 0.1 },
    againstBase: {
      perplexity: { value: 8, standardError: 0.1 },
      perplexityRatio: { value: 9 / 8, standardError: 0.001 },
      kl: {
        mean: { value: 0.01, standardError: 0.001 },
        median: 0.005,
        p90: 0.02,
        p95: 0.03,
        p99: 0.05,
        p999: 0.1,
        maximum: 0.2,
      },
      sameTop: { value: 0.95, standardError: 0.01 },
      probabilityChangeRms: { value: 0.01, standardError: 0.001 },
    },
  },
  tasks: [
    {
      name: 'questions',
      items: 4,
      perItem: { seconds: null, tokensIn: null, tokensOut: null },
      chance: 0.25,
      scores: [
        {
          name: 'perByte',
          score: { value: 0.75, standardError: 0.2 },
          base: { value: 1, standardError: 0 },
          retentionPercent: { value: 75, standardError: 20 },
          groupings: [],
        },
      ],
    },
  ],
  textDigest: `sha256:${'0'.repeat(64)}`,
  taskDigests: [`sha256:${'1'.repeat(64)}`],
  questions: [],
  warnings: [],
  seconds: 3,
  reused: false,
};

type Given = TrialFacts['given'];

export const CALM_OUTCOME: Outcome = {
  repeats: TRUTH.repeats,
  warmups: 4,
  warmupSettled: true,
  stop: 'interval-narrow',
  halfWidth: 0.001,
};

/** What tests change of the calm trial, each thing at one place. */
export interface TrialChanges
  extends Pick<TrialFacts, 'experiment' | 'quality' | 'training' | 'kernel' | 'profile' | 'roofs' | 'absent'>,
    Pick<Given, 'baseBytes' | 'roofline' | 'cores' | 'idleWatts' | 'warnings'> {
  readonly phases: readonly Phase[];
  readonly samples: readonly SampleSeries[];
  readonly tokenSeconds: readonly (readonly number[])[];
  /** null = the trial did not complete. */
  readonly outcome: Outcome | null;
  readonly facts: Pick<Given, 'modelBytes' | 'parameters' | 'kvCacheBytes' | 'adapterLoadSeconds'>;
  readonly device: { readonly name: string };
  /** null = the base was run as it is. */
  readonly making: { readonly seconds: number | null; readonly sparsity: number } | null;
  readonly adapterBytes: number | null;
  readonly idle: Given['idle'] | null;
  readonly grid: Given['grid'] | null;
}

/** A calm trial on a GPU node with two host cores in use, one of them idle. */
export function calmInput(changes: Partial<TrialChanges> = {}): TrialFacts {
  const phases = changes.phases ?? phasesOf();
  const trial: TrialChanges = {
    experiment,
    making: { seconds: 4, sparsity: 0.5 },
    quality: ANSWERS,
    training: null,
    kernel: null,
    phases,
    tokenSeconds: Array.from({ length: TRUTH.repeats }, () =>
      new Array<number>(TRUTH.outputTokens).fill(TRUTH.decodeSeconds / TRUTH.outputTokens),
    ),
    outcome: CALM_OUTCOME,
    facts: {
      modelBytes: 8_500_000,
      parameters: 8_000_000,
      kvCacheBytes: 2_097_152,
      adapterLoadSeconds: 0.25,
    },
    baseBytes: 16_000_000,
    adapterBytes: 630_000,
    profile: null,
    roofs: ROOFS,
    roofline: GIVEN,
    device: { name: 'test' },
    cores: 4,
    samples: calmSamples(phases),
    idleWatts: { gpu: TRUTH.idleWatts },
    idle: null,
    grid: { gramsPerKilowattHour: 360, statedBy: 'node' },
    absent: {},
    warnings: [],
    ...changes,
  };
  const { outcome, idle, grid } = trial;
  return {
    schema: RESULT_SCHEMA,
    trialId: 't1',
    experimentId: trial.experiment.id,
    sweep: { id: 's1', name: 'test', position: 0, block: 0, purpose: 'measure', attempt: 1 },
    experiment: structuredClone(trial.experiment),
    node: { name: 'n1', hostname: 'n1', cpuModel: 'test', cores: 4, memoryBytes: 8e9 },
    device: { id: 'GPU-1', class: 'cuda', ...trial.device },
    environment: {},
    startedAt: '2026-01-01T00:00:00.000Z',
    endedAt: '2026-01-01T00:01:00.000Z',
    status: outcome === null ? 'failed' : 'complete',
    failure: null,
    phases: [...phases],
    repeats: {
      count: outcome?.repeats ?? 0,
      warmups: outcome?.warmups ?? 0,
      stop: outcome?.stop ?? 'not-started',
      halfWidth: outcome?.halfWidth ?? null,
    },
    quality: trial.quality,
    training: trial.training,
    kernel: trial.kernel,
    profile: trial.profile,
    roofs: trial.roofs,
    artifact: artifactOf(trial),
    tokenSeconds: trial.tokenSeconds.map((seconds) => [...seconds]),
    samples: [...trial.samples],
    absent: { ...trial.absent },
    given: {
      ...trial.facts,
      baseBytes: trial.baseBytes,
      warmupSettled: outcome?.warmupSettled ?? false,
      cores: trial.cores,
      roofline: trial.roofline,
      idleWatts: { ...trial.idleWatts },
      ...(idle !== null && { idle }),
      ...(grid !== null && { grid }),
      warnings: [...trial.warnings],
    },
  };
}

export function calmSamples(phases: readonly Phase[] = phasesOf()): SampleSeries[] {
  const series = (quantity: string, kind: 'gauge' | 'counter', valueAt: (t: number) => number) =>
    sampled(quantity, kind, valueAt, phases);
  const told = [
    series('energyJoules:gpu', 'counter', (t) => joulesAt(t, phases)),
    series('powerWatts:gpu', 'gauge', (t) => wattsAt(t, phases)),
    series('processCpuSeconds', 'counter', (t) => 1 * t),
    series('agentCpuSeconds', 'counter', (t) => 0.05 * t),
    series('systemBusyCpuSeconds', 'counter', (t) => 1.1 * t),
    series('systemStealCpuSeconds', 'counter', () => 0),
    series('systemTotalCpuSeconds', 'counter', (t) => 4 * t),
    series('processPeakResidentBytes', 'gauge', (t) => Math.min(t, 2) * 1e8),
    series('processProportionalBytes', 'gauge', () => 1.5e8),
    series('deviceMemoryBytes', 'gauge', (t) => 1e9 + (t > 4 && t < 5 ? 5e8 : 0)),
    series('deviceClockHertz', 'gauge', () => 1.7e9),
    series('deviceUtilizationRatio', 'gauge', () => 0.8),
    series('deviceTemperatureCelsius', 'gauge', (t) => 50 + t / 10),
    series('throttleReasons', 'gauge', () => 1),
    series('coreShareRatio', 'gauge', () => 1),
    series('coreLatencyRatio', 'gauge', () => 1),
  ];
  // Whatever else a metric is made of was calm, too.
  const others = METRICS.flatMap(({ reading }) => reading?.onDevice ?? []).filter(
    (name) => !told.some(({ quantity }) => quantity === name),
  );
  return [...told, ...[...new Set(others)].map((name) => series(name, QUANTITIES[name].kind, () => 0))];
}

/** The calm samples with some series replaced or (null) taken away. */
export function samplesWith(
  changes: Record<string, ((t: number) => number) | null>,
  phases: readonly Phase[] = phasesOf(),
): SampleSeries[] {
  const base = calmSamples(phases).filter((s) => changes[s.quantity] !== null);
  const kept = base.map((s) => {
    const valueAt = changes[s.quantity];
    return valueAt ? sampled(s.quantity, s.kind, valueAt, phases) : s;
  });
  const known = new Set(base.map((s) => s.quantity));
  const added = Object.entries(changes).flatMap(([quantity, valueAt]) => {
    if (valueAt === null || known.has(quantity)) return [];
    return [sampled(quantity, kindOf(quantity), valueAt, phases)];
  });
  return [...kept, ...added];
}

/** As the meters have it. */
function kindOf(quantity: string): SampleSeries['kind'] {
  const [name = ''] = quantity.split(':');
  return { ...ENERGY_QUANTITIES, ...QUANTITIES }[name as EnergyQuantityName | QuantityName].kind;
}

function artifactOf({ making, adapterBytes }: TrialChanges): ResultRecord['artifact'] {
  if (making === null && adapterBytes === null) return null;
  const file = { digest: `sha256:${'2'.repeat(64)}`, bytes: 8_500_000 };
  const steps =
    making === null
      ? []
      : [{ recipe: 'prune(wanda:50%)', ...file, makeSeconds: 4, facts: { sparsity: making.sparsity } }];
  const adapter = { source: 'r4.gguf', digest: `sha256:${'4'.repeat(64)}`, scale: 1 };
  return {
    ...file,
    base: `sha256:${'3'.repeat(64)}`,
    recipe: 'prune(wanda:50%)',
    makeSeconds: making?.seconds ?? null,
    steps,
    adapters: adapterBytes === null ? [] : [{ ...adapter, bytes: adapterBytes }],
  };
}

/** The record an agent would make of it. */
export function recordOf(facts: TrialFacts, changes: Partial<ResultRecord> = {}): ResultRecord {
  return { ...facts, ...judge(facts), ...changes };
}
