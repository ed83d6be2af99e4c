import { Counter, Gauge, Histogram, type OpenMetricsContentType, Registry } from 'prom-client';
import { METRICS } from '../../core/metrics/catalogue.js';
import { metricValue, type ResultRecord } from '../../core/result.js';
import { headOf } from '../../core/techniques/spelling.js';
import { InfoGauge, infoLabels } from './info.js';
import { labelText } from './label.js';
import { addStandings, type Standing } from './standing.js';

export interface SweepProgress {
  readonly sweep: string;
  readonly points: Readonly<Record<'queued' | 'running' | 'complete' | 'failed' | 'invalid', number>>;
  readonly reused: number;
}

/** What is true at the moment of a scrape. */
export interface Snapshot {
  readonly results: readonly Standing[];
  readonly sweeps: readonly SweepProgress[];
  readonly nodes: readonly { readonly node: string; readonly up: boolean }[];
}

/** 100 µs (a small model's token on a GPU) to 100 s, in steps of 1, 2 and 5. */
export const LATENCY_BUCKETS = [-4, -3, -2, -1, 0, 1].flatMap((power) =>
  [1, 2, 5].map((step) => Number((step * 10 ** power).toPrecision(1))),
);

const RESULT_LABELS = ['experiment', 'sweep', 'model', 'quantization', 'runner', 'device', 'node'] as const;
const LATENCY_LABELS = ['model', 'quantization', 'runner', 'device', 'node'] as const;

/**
 * One registry in one text format. There are two of them per coordinator, fed alike: prom-client renames
 * counters in place when it writes OpenMetrics, and exemplars exist in that format only.
 */
export class Exposition {
  readonly registry: Registry<OpenMetricsContentType>;
  readonly #exemplars: boolean;
  readonly #trials: Counter;
  readonly #invalid: Counter;
  readonly #failures: Counter;
  readonly #interToken: Histogram;
  readonly #firstToken: Histogram;
  readonly #trialSeconds: Histogram;

  constructor(openMetrics: boolean, version: string, snapshot: () => Snapshot) {
    const registry = new Registry<OpenMetricsContentType>();
    if (openMetrics) registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    this.registry = registry;
    this.#exemplars = openMetrics;
    const registers = [registry];

    for (const definition of METRICS) {
      const gauge = new Gauge({
        name: `ridgepoint_${definition.prometheus}`,
        help: definition.help,
        labelNames: RESULT_LABELS,
        registers,
        collect() {
          gauge.reset();
          for (const { record } of snapshot().results) {
            // A missing measurement is an absent series, never 0.
            const value = metricValue(record, definition.name);
            if (value !== null) gauge.set(resultLabels(record), value);
          }
        },
      });
    }
    registry.registerMetric(new InfoGauge(() => snapshot().results.map(({ record }) => infoLabels(record))));
    addStandings(registers, RESULT_LABELS, resultLabels, () => snapshot().results);
    addProgress(registers, snapshot);
    new Gauge({
      name: 'ridgepoint_build_info',
      help: 'The release of this coordinator; always 1.',
      labelNames: ['version'],
      registers,
    }).set({ version }, 1);

    const counter = (name: string, help: string, label: string): Counter =>
      new Counter({ name, help, labelNames: [label], registers });
    this.#trials = counter(
      'ridgepoint_trials_total',
      'Trials recorded since this coordinator started, by how they ended.',
      'state',
    );
    this.#invalid = counter(
      'ridgepoint_invalid_total',
      'Doubts that made a trial invalid since this coordinator started, by code.',
      'code',
    );
    this.#failures = counter(
      'ridgepoint_failures_total',
      'Failed trials since this coordinator started, by failure code.',
      'code',
    );
    const histogram = (name: string, help: string): Histogram =>
      new Histogram({
        name,
        help,
        labelNames: LATENCY_LABELS,
        buckets: LATENCY_BUCKETS,
        registers,
        enableExemplars: openMetrics,
      });
    this.#interToken = histogram(
      'ridgepoint_inter_token_latency_seconds',
      'Gaps between tokens, every decode step of every valid trial.',
    );
    this.#firstToken = histogram(
      'ridgepoint_first_token_latency_seconds',
      'Time to first token, every repeat of every valid trial.',
    );
    this.#trialSeconds = histogram(
      'ridgepoint_trial_duration_seconds',
      'Wall time of a trial, loading included.',
    );
  }

  /** Counts a trial. Drift controls are trials like any other here. */
  record(record: ResultRecord): void {
    const state = record.status === 'failed' ? 'failed' : record.valid ? 'complete' : 'invalid';
    this.#trials.inc({ state });
    if (record.failure !== null) this.#failures.inc({ code: record.failure.code });
    const codes = record.warnings.filter((one) => one.severity === 'invalid').map((one) => one.code);
    for (const code of new Set(codes)) this.#invalid.inc({ code });
    const seconds = (Date.parse(record.endedAt) - Date.parse(record.startedAt)) / 1000;
    this.#observe(this.#trialSeconds, record, Math.max(0, seconds));
    if (state !== 'complete') return;
    for (const gap of record.tokenSeconds.flat()) this.#observe(this.#interToken, record, gap);
    const first = record.measurements.timeToFirstTokenSeconds;
    if (first !== undefined && first.value !== null) {
      for (const value of first.samples ?? [first.value]) this.#observe(this.#firstToken, record, value);
    }
  }

  #observe(histogram: Histogram, record: ResultRecord, value: number): void {
    const { experiment: _experiment, sweep: _sweep, ...labels } = resultLabels(record);
    // These series stay for as long as the coordinator lives: the type alone, and not every setting of it.
    labels.quantization = headOf(record.experiment.technique.quantization);
    if (!this.#exemplars) histogram.observe(labels, value);
    else histogram.observe({ labels, value, exemplarLabels: { experiment: record.experimentId } });
  }
}

function addProgress(registers: Registry<OpenMetricsContentType>[], snapshot: () => Snapshot): void {
  const points = new Gauge({
    name: 'ridgepoint_sweep_points',
    help: 'Points of a sweep by where they stand: queued, running, complete, failed or invalid.',
    labelNames: ['sweep', 'state'],
    registers,
    collect() {
      points.reset();
      for (const { sweep, points: counts } of snapshot().sweeps) {
        // Two sweeps can have one name; their points add up.
        for (const [state, count] of Object.entries(counts)) points.inc({ sweep, state }, count);
      }
    },
  });
  const reused = new Gauge({
    name: 'ridgepoint_sweep_reused_points',
    help: 'Complete points of a sweep whose result was taken over from an earlier one.',
    labelNames: ['sweep'],
    registers,
    collect() {
      reused.reset();
      for (const sweep of snapshot().sweeps) reused.inc({ sweep: sweep.sweep }, sweep.reused);
    },
  });
  const up = new Gauge({
    name: 'ridgepoint_node_up',
    help: 'Whether the agent of a node is connected: 1 or 0.',
    labelNames: ['node'],
    registers,
    collect() {
      up.reset();
      for (const node of snapshot().nodes) up.set({ node: node.node }, node.up ? 1 : 0);
    },
  });
}

function resultLabels(record: ResultRecord): Record<(typeof RESULT_LABELS)[number], string> {
  const { experiment } = record;
  return {
    experiment: record.experimentId,
    sweep: record.sweep.name,
    model: experiment.model.name,
    quantization: labelText(experiment.technique.quantization),
    runner: experiment.runner.kind,
    device: record.device.id,
    node: record.node.name,
  };
}
