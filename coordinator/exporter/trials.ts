import { Counter } from 'prom-client';
import { getOrMake } from '../../core/maps.js';
import type { Labels } from '../../core/metrics/families.js';
import type { ResultRecord } from '../../core/result/result.js';
import { gradingCodesOf } from '../../core/result/warnings.js';
import { headOf } from '../../core/techniques/spelling.js';
import { CountedHistogram, type Series } from './counted.js';
import { type MetricRegistry, settings } from './defined.js';
import { resultLabels } from './labels.js';

/** 100 µs (a small model's token on a GPU) to 50 s, in steps of 1, 2 and 5. */
export const LATENCY_BUCKETS = [-4, -3, -2, -1, 0, 1].flatMap((power) =>
  [1, 2, 5].map((step) => Number((step * 10 ** power).toPrecision(1))),
);

type HistogramName =
  | 'ridgepoint_inter_token_latency_seconds'
  | 'ridgepoint_first_token_latency_seconds'
  | 'ridgepoint_trial_duration_seconds'
  | 'ridgepoint_log_append_duration_seconds'
  | 'ridgepoint_lease_wait_seconds';

/** What trials alike are counted by: those of one device with one model, runner and type of weights. */
interface Alike {
  readonly labels: Labels;
  /** By histogram, each from its first value on. */
  readonly series: Map<HistogramName, Series>;
}

/** What is counted as it happens, from a coordinator's start on. */
export class Trials {
  readonly #trials: Counter;
  readonly #disturbed: Counter;
  readonly #invalid: Counter;
  readonly #warnings: Counter;
  readonly #failures: Counter;
  readonly #histograms: Readonly<Record<HistogramName, CountedHistogram>>;
  /** Of trials alike, by what tells them apart: to make labels takes longer than to count by them. */
  readonly #alike = new Map<string, Alike>();
  /** How to drop each series of a node. */
  readonly #ofNode = new Map<string, Map<string, () => void>>();

  constructor(registry: MetricRegistry) {
    const registers = [registry];
    this.#trials = new Counter({ ...settings('ridgepoint_trials_total'), registers });
    this.#disturbed = new Counter({ ...settings('ridgepoint_disturbed_total'), registers });
    this.#invalid = new Counter({ ...settings('ridgepoint_invalid_total'), registers });
    this.#warnings = new Counter({ ...settings('ridgepoint_warnings_total'), registers });
    this.#failures = new Counter({ ...settings('ridgepoint_failures_total'), registers });
    const histogram = (name: HistogramName) => new CountedHistogram(name, LATENCY_BUCKETS, registry);
    this.#histograms = {
      ridgepoint_inter_token_latency_seconds: histogram('ridgepoint_inter_token_latency_seconds'),
      ridgepoint_first_token_latency_seconds: histogram('ridgepoint_first_token_latency_seconds'),
      ridgepoint_trial_duration_seconds: histogram('ridgepoint_trial_duration_seconds'),
      ridgepoint_log_append_duration_seconds: histogram('ridgepoint_log_append_duration_seconds'),
      ridgepoint_lease_wait_seconds: histogram('ridgepoint_lease_wait_seconds'),
    };
  }

  /** Counts a trial. Drift controls are trials like any other here. */
  record(record: ResultRecord): void {
    const state = record.status === 'failed' ? 'failed' : record.valid ? 'complete' : 'invalid';
    this.#trials.inc({ state });
    if (record.failure !== null) this.#failures.inc({ code: record.failure.code });
    const warnings = new Map(
      record.warnings.map(({ code, severity }) => [`${code} ${severity}`, { code, severity }]),
    );
    for (const { code, severity } of warnings.values()) {
      const labels = { code, severity, node: record.node.name };
      this.#warnings.inc(labels);
      this.#note(labels.node, `${code} ${severity}`, () => this.#warnings.remove(labels));
    }
    const doubted = record.valid ? this.#disturbed : this.#invalid;
    if (record.status === 'complete')
      for (const code of gradingCodesOf(record.warnings)) doubted.inc({ code });
    const seconds = (Date.parse(record.endedAt) - Date.parse(record.startedAt)) / 1000;
    const alike = this.#alikeTo(record);
    const exemplar = { experiment: record.experimentId };
    this.#observe('ridgepoint_trial_duration_seconds', alike, [Math.max(0, seconds)], exemplar);
    if (state !== 'complete') return;
    for (const steps of record.tokenSeconds)
      this.#observe('ridgepoint_inter_token_latency_seconds', alike, steps, exemplar);
    const first = record.measurements.timeToFirstTokenSeconds;
    if (first !== undefined && first.value !== null) {
      const values = first.samples ?? [first.value];
      this.#observe('ridgepoint_first_token_latency_seconds', alike, values, exemplar);
    }
  }

  /** Drops the series of a node; it begins anew when it comes back, as all do after a restart. */
  forget(node: string): void {
    for (const drop of this.#ofNode.get(node)?.values() ?? []) drop();
    this.#ofNode.delete(node);
  }

  /** Counts an append to the log. */
  appended(seconds: number): void {
    this.#count('ridgepoint_log_append_duration_seconds', seconds);
  }

  /** Counts a lease that a device waited for. */
  leased(seconds: number): void {
    this.#count('ridgepoint_lease_wait_seconds', seconds);
  }

  /** Counts what is no trial's, and has no labels. */
  #count(name: HistogramName, seconds: number): void {
    const histogram = this.#histograms[name];
    histogram.observeAll(histogram.seriesOf({}), [seconds], {});
  }

  #observe(
    name: HistogramName,
    { labels, series }: Alike,
    values: readonly number[],
    exemplar: Labels,
  ): void {
    if (values.length === 0) return;
    const histogram = this.#histograms[name];
    const one = getOrMake(series, name, () => histogram.seriesOf(labels));
    histogram.observeAll(one, values, exemplar);
  }

  #alikeTo(record: ResultRecord): Alike {
    const { experiment, node, device } = record;
    // These series stay for as long as the coordinator lives: the type alone, and not every setting of it.
    const quantization = headOf(experiment.technique.quantization);
    const told = [node.name, device.id, experiment.model.name, experiment.runner.kind, quantization];
    const key = JSON.stringify(told);
    return getOrMake(this.#alike, key, () => {
      const { experiment: _experiment, sweep: _sweep, ...rest } = resultLabels(record);
      const alike: Alike = { labels: { ...rest, quantization }, series: new Map() };
      this.#note(node.name, key, () => {
        for (const name of alike.series.keys()) this.#histograms[name].forget(alike.labels);
        this.#alike.delete(key);
      });
      return alike;
    });
  }

  #note(node: string, what: string, drop: () => void): void {
    getOrMake(this.#ofNode, node, () => new Map()).set(what, drop);
  }
}
