import { failure } from '../../core/errors.js';
import type { Experiment } from '../../core/experiment/experiment.js';
import { METRICS } from '../../core/metrics/catalogue.js';
import type { Measurement, Phase, ResultRecord } from '../../core/result/result.js';
import { RESULT_SCHEMA } from '../../core/result/result.js';
import { experimentOf, hex, PARAMETERS } from './experiments.js';

/**
 * Result records as a real sweep leaves them, for everything that shows results: a small performance model
 * with noise gives times, and every figure in `measurements` is computed from those times. The same
 * arguments give the same records.
 */

/** Mulberry32: a small seeded generator, good enough for noise. */
function noise(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export const BITS: Record<string, number> = {
  f16: 16,
  q8_0: 8.5,
  q6_k: 6.56,
  q5_k_m: 5.7,
  q4_k_m: 4.85,
  q2_k: 3.35,
};
/** Unpacking costs time too: the smallest type is not the fastest, so a sweep has a front worth showing. */
const UNPACK: Record<string, number> = { q6_k: 1.1, q5_k_m: 1.3, q4_k_m: 1.05, q2_k: 2.1 };

export interface TrialOptions {
  readonly experiment?: Experiment;
  readonly position?: number;
  readonly attempt?: number;
  readonly block?: number;
  readonly purpose?: ResultRecord['sweep']['purpose'];
  readonly sweepName?: string;
  readonly sweepId?: string;
  readonly node?: string;
  readonly repeats?: number;
  /** Factor on every time: 1.1 = ten percent slower. */
  readonly slower?: number;
  /** Watts above idle; null = a node without an energy source. */
  readonly watts?: number | null;
  readonly warnings?: ResultRecord['warnings'];
  /** Readings of each meter at most. */
  readonly readings?: number;
}

/** A complete trial whose figures follow from its own phases and token times. */
export function completeTrial(options: TrialOptions = {}): ResultRecord {
  const experiment = options.experiment ?? experimentOf();
  const position = options.position ?? 0;
  const attempt = options.attempt ?? 1;
  const purpose = options.purpose ?? 'measure';
  const repeats = options.repeats ?? 5;
  const trialId = `t${hex(`${experiment.id}/${position}/${attempt}/${purpose}/${options.block ?? 0}`, 16)}`;
  const random = noise(Number.parseInt(trialId.slice(1, 9), 16));

  const bits = BITS[experiment.technique.quantization] ?? 16;
  const threads = Number(experiment.runner.options.threads ?? 4);
  const prompt = Number(experiment.workload.options.promptTokens);
  const generate = Number(experiment.workload.options.generateTokens);
  const parallel = Number(experiment.workload.options.parallel);
  const flash = experiment.runner.options.flashAttention === false ? 1.06 : 1;
  const slower = options.slower ?? 1;
  const weightBytes = Math.round((PARAMETERS * bits) / 8);
  // Decode streams the weights once per step (memory-bound); prefill is arithmetic per token.
  const stepSeconds =
    (weightBytes / (5e9 * Math.min(threads, 6))) *
    (UNPACK[experiment.technique.quantization] ?? 1) *
    flash *
    slower *
    (1 + 0.06 * (parallel - 1));
  const tokenPrefillSeconds = (2 * PARAMETERS * flash * slower) / (6e10 * threads * (bits < 8 ? 0.85 : 1));

  const phases: Phase[] = [{ name: 'load', repeat: null, startSeconds: 0.02, endSeconds: 0.9, tokens: 0 }];
  const tokenSeconds: number[][] = [];
  let now = 0.95;
  const push = (name: Phase['name'], repeat: number, seconds: number, tokens: number) => {
    phases.push({ name, repeat, startSeconds: now, endSeconds: now + seconds, tokens });
    now += seconds;
  };
  for (let warmup = 0; warmup < 2; warmup++) {
    push(
      'warm-up',
      warmup,
      tokenPrefillSeconds * prompt * parallel * (1.1 - 0.05 * warmup),
      prompt * parallel,
    );
  }
  for (let repeat = 0; repeat < repeats; repeat++) {
    const pace = 1 + 0.02 * (random() - 0.5);
    push('prefill', repeat, tokenPrefillSeconds * prompt * parallel * pace, prompt * parallel);
    const steps = Array.from({ length: generate }, () => {
      const tail = random() < 0.03 ? 1 + random() : 1;
      return stepSeconds * pace * (1 + 0.05 * (random() - 0.5)) * tail;
    });
    tokenSeconds.push(steps);
    push(
      'decode',
      repeat,
      steps.reduce((a, b) => a + b, 0),
      generate * parallel,
    );
  }

  const seconds = (name: string) =>
    phases.filter((p) => p.name === name).map((p) => p.endSeconds - p.startSeconds);
  const prefill = seconds('prefill');
  const decode = seconds('decode');
  const gaps = tokenSeconds.flat().sort((a, b) => a - b);
  const watts = options.watts ?? null;
  const energyReason = 'this node has no energy source: /sys/class/powercap is empty';
  const metered = (samples: (number | null)[], unit: string) =>
    watts === null ? absent(unit, energyReason) : measured(samples as number[], unit, 'counter');
  const joules = prefill.map((p, i) => (watts ?? 0) * (p + (decode[i] ?? 0)));

  const measurements: ResultRecord['measurements'] = {
    prefillTokensPerSecond: measured(
      prefill.map((s) => (prompt * parallel) / s),
      'tokens/s',
    ),
    decodeTokensPerSecond: measured(
      decode.map((s) => (generate * parallel) / s),
      'tokens/s',
    ),
    timeToFirstTokenSeconds: measured(prefill, 's'),
    timePerOutputTokenSeconds: measured(
      decode.map((s) => s / generate),
      's',
    ),
    interTokenLatencyP50Seconds: reading(quantile(gaps, 0.5), 's'),
    interTokenLatencyP90Seconds: reading(quantile(gaps, 0.9), 's'),
    interTokenLatencyP95Seconds: reading(quantile(gaps, 0.95), 's'),
    interTokenLatencyP99Seconds: reading(quantile(gaps, 0.99), 's'),
    loadSeconds: reading(0.88, 's'),
    peakResidentBytes: reading(weightBytes + 3e8 + parallel * 2e7, 'B', 'kernel'),
    peakProportionalBytes: reading(weightBytes + 2.6e8 + parallel * 2e7, 'B', 'kernel'),
    deviceMemoryPeakBytes: absent('B', 'a CPU has no device memory of its own'),
    modelBytes: reading(weightBytes, 'B'),
    kvCacheBytes: reading(parallel * (prompt + generate) * 16_384 * 2, 'B'),
    bitsPerWeight: reading(bits, 'ratio'),
    compressionRatio: reading(16 / bits, 'ratio'),
    energyJoules: metered(joules, 'J'),
    energyPerOutputTokenJoules: metered(
      joules.map((j) => j / (generate * parallel)),
      'J/token',
    ),
    energyPerTotalTokenJoules: metered(
      joules.map((j) => j / ((prompt + generate) * parallel)),
      'J/token',
    ),
    averagePowerWatts: metered(
      joules.map(() => watts),
      'W',
    ),
    idlePowerWatts: watts === null ? absent('W', energyReason) : reading(11.5, 'W', 'counter'),
    processCores: reading(threads * 0.985, 'cores'),
    foreignCores: reading(0.03 + 0.02 * random(), 'cores'),
    stealRatio: reading(0, 'ratio', 'kernel'),
    clockHertz: reading(2.9e9, 'Hz'),
    temperaturePeakCelsius: absent('celsius', 'no temperature sensor is visible on this node'),
  };
  const started = Date.UTC(2026, 10, 2, 9, 0, 0) + position * 30_000 + attempt * 1000;
  const warnings = options.warnings ?? [];
  const series = (
    meter: string,
    quantity: string,
    unit: string,
    kind: 'gauge' | 'counter',
    at: (t: number) => number,
  ) => {
    const periodSeconds = Math.max(0.1, now / (options.readings ?? 200));
    const times = Array.from({ length: Math.ceil(now / periodSeconds) }, (_, i) => i * periodSeconds);
    return {
      meter,
      quantity,
      unit,
      kind,
      periodSeconds,
      seconds: times,
      values: times.map(at),
    };
  };
  return {
    schema: RESULT_SCHEMA,
    trialId,
    experimentId: experiment.id,
    sweep: {
      id: options.sweepId ?? 's0123456789abcdef',
      name: options.sweepName ?? 'reference',
      position,
      block: options.block ?? Math.floor(position / 8),
      purpose,
      attempt,
    },
    experiment: experiment as ResultRecord['experiment'],
    node: {
      name: options.node ?? 'bench-01',
      hostname: options.node ?? 'bench-01',
      cpuModel: 'Intel(R) Xeon(R) Gold 6430',
      cores: 8,
      memoryBytes: 34_359_738_368,
    },
    device: { id: 'cpu0', class: 'cpu', name: 'Intel(R) Xeon(R) Gold 6430' },
    environment: {
      ridgepoint: '0.1.0',
      nodejs: 'v20.20.2',
      os: 'Linux 6.12.0',
      engine: 'llama.cpp v0.4.0',
      engineDevice: 'CPU',
      cpuLibrary: 'libggml-cpu-icelake.so',
      cpuBackend: 'shipped',
      openmp: false,
      threads,
      flashAttentionUsed: experiment.runner.options.flashAttention !== false,
      cpuGovernor: 'performance',
      cpuTurbo: null,
      affinity: '0-3',
    },
    startedAt: new Date(started).toISOString(),
    endedAt: new Date(started + now * 1000).toISOString(),
    status: 'complete',
    failure: null,
    phases,
    repeats: { count: repeats, warmups: 2, stop: 'interval-narrow', halfWidth: 0.009 },
    measurements,
    warnings,
    valid: warnings.every((w) => w.severity !== 'invalid'),
    artifact: {
      digest: `sha256:${hex(experiment.technique.quantization, 64)}`,
      base: experiment.model.digest ?? `sha256:${hex('base', 64)}`,
      bytes: weightBytes,
      recipe: `quantize ${experiment.technique.quantization}`,
      makeSeconds: 4.2,
      steps: [],
      adapters: [],
    },
    quality: null,
    profile: null,
    roofline: null,
    training: null,
    kernel: null,
    roofs: null,
    tokenSeconds,
    samples: [
      series(
        'process',
        'processCpuSeconds',
        's',
        'counter',
        (t) => 3 + Math.min(t, 0.9) + Math.max(0, t - 0.9) * threads * 0.98,
      ),
      series(
        'process',
        'processResidentBytes',
        'B',
        'gauge',
        (t) => Math.min(1, t / 0.9) * (weightBytes + 3e8),
      ),
      series('clock', 'cpuClockHertz', 'Hz', 'gauge', () => 2.9e9 * (0.995 + 0.01 * random())),
      ...(watts === null
        ? []
        : [
            series(
              'rapl',
              'energyJoules:package-0',
              'J',
              'counter',
              (t) => 70_000 + 14 * Math.min(t, 0.9) + Math.max(0, t - 0.9) * watts,
            ),
          ]),
    ],
    absent: watts === null ? { energy: energyReason } : {},
  };
}

/** Readings of each meter that a record has at most. */
const MOST_READINGS = 400;

/** @returns a record whose JSON has about that many bytes, by how often its meters were read. */
export function trialOf(recordBytes: number): ResultRecord {
  let record = completeTrial({ readings: 1 });
  for (let readings = 2; readings <= MOST_READINGS; readings += 1) {
    if (JSON.stringify(record).length >= recordBytes) break;
    record = completeTrial({ readings });
  }
  return record;
}

/** A trial that ended without numbers. */
export function failedTrial(
  options: TrialOptions & { readonly reason?: ResultRecord['failure'] } = {},
): ResultRecord {
  const whole = completeTrial(options);
  const reason =
    options.reason ??
    failure('out-of-memory', 'the trial needed 12.4 GB and the node allows 8.0 GB', {
      hint: 'lower contextDepth or parallel, or place the sweep on a node with more memory',
      signal: 'SIGKILL',
      stderrTail: 'ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 12400000000',
    });
  return {
    ...whole,
    status: 'failed',
    failure: reason,
    phases: whole.phases.slice(0, 1),
    repeats: { count: 0, warmups: 0, stop: 'not-started', halfWidth: null },
    measurements: Object.fromEntries(
      METRICS.map((m) => [m.name, absent(m.unit, 'the trial failed before it was measured')]),
    ),
    valid: false,
    tokenSeconds: [],
  };
}

function quantile(sorted: readonly number[], q: number): number {
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)] ?? 0;
  const high = sorted[Math.ceil(at)] ?? low;
  return low + (high - low) * (at - Math.floor(at));
}

function measured(samples: readonly number[], unit: string, source: string | null = null): Measurement {
  const n = samples.length;
  const mean = samples.reduce((a, b) => a + b, 0) / n;
  const stddev = n > 1 ? Math.sqrt(samples.reduce((a, b) => a + (b - mean) ** 2, 0) / (n - 1)) : null;
  const median = quantile(
    [...samples].sort((a, b) => a - b),
    0.5,
  );
  return {
    value: median,
    unit,
    n,
    mean,
    median,
    stddev,
    cv: stddev === null ? null : stddev / mean,
    ci95: null,
    samples: [...samples],
    source,
  };
}

function reading(value: number, unit: string, source: string | null = null): Measurement {
  return {
    value,
    unit,
    n: 1,
    mean: value,
    median: value,
    stddev: null,
    cv: null,
    ci95: null,
    samples: null,
    source,
  };
}

function absent(unit: string, reason: string) {
  return { value: null, unit, reason };
}
