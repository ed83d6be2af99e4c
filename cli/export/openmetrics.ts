import { exportedReadings } from '../../agent/exporter/readings.js';
import { infoLabels } from '../../coordinator/exporter/info.js';
import { resultLabels } from '../../coordinator/exporter/labels.js';
import { getOrMake } from '../../core/maps.js';
import { METRICS } from '../../core/metrics/catalogue.js';
import {
  AGENT_METRICS,
  type AgentMetric,
  COORDINATOR_METRICS,
  type CoordinatorMetric,
  type ExportedMetric,
} from '../../core/metrics/exported.js';
import type { Labels } from '../../core/metrics/families.js';
import { isOfNode } from '../../core/metrics/meters.js';
import { escaped, labelText, numberText } from '../../core/metrics/text.js';
import { metricValue, type ResultRecord } from '../../core/result/result.js';
import { gradingCodesOf } from '../../core/result/warnings.js';
import { usageError } from '../exit.js';
import { printData, say } from '../output/print.js';
import { newestRun, readRun, writeWhole } from '../report/run-folder.js';
import { outputPath } from '../single/output-path.js';
import type { ExportOptions } from './command.js';

interface Family {
  readonly kind: 'gauge' | 'counter';
  readonly help: string;
  readonly series: Map<string, Map<number, number>>;
}

/** Series with the times at which they had their values, written as OpenMetrics text. */
class History {
  readonly #families = new Map<string, Family>();
  readonly #labels: Labels;

  /** @param labels that every series gets. */
  constructor(labels: Labels) {
    this.#labels = labels;
  }

  /**
   * Adds a value. One that is added again for the same moment takes the place of the first.
   * @param milliseconds since 1970.
   */
  add(
    metric: { readonly name: string; readonly kind: string; readonly help: string },
    labels: Labels,
    milliseconds: number,
    value: number,
  ): void {
    const { name, kind, help } = metric;
    const family = getOrMake(
      this.#families,
      name,
      (): Family => ({
        kind: kind === 'counter' ? 'counter' : 'gauge',
        help,
        series: new Map(),
      }),
    );
    const key = labelText({ ...labels, ...this.#labels });
    getOrMake(family.series, key, () => new Map()).set(Math.round(milliseconds), value);
  }

  /** Lines of the text: families together, and the times of each series rising, as the format asks. */
  *lines(): Generator<string> {
    for (const [name, { kind, help, series }] of this.#families) {
      const family = kind === 'counter' ? name.replace(/_total$/, '') : name;
      yield `# HELP ${family} ${escaped(help).replaceAll('"', '\\"')}\n# TYPE ${family} ${kind}\n`;
      for (const [labels, values] of series) {
        for (const [at, value] of [...values].sort(([a], [b]) => a - b)) {
          yield `${name}${labels} ${numberText(value)} ${at / 1000}\n`;
        }
      }
    }
    yield '# EOF\n';
  }
}

const MINUTE = 60_000;
/**
 * Readings of power closer together than this say nothing more to a server that keeps years, in milliseconds.
 */
const CLOSEST = 1000;

/** `ridge export openmetrics`. */
export function exportOpenMetrics(source: string | undefined, options: ExportOptions): void {
  const output = options.output === undefined ? null : outputPath(options.output, true);
  const { records } = readRun(source ?? newestRun());
  const history = historyOf(records, (options.hold ?? 0) * MINUTE, labelsOf(options.label));
  const text = [...history.lines()].join('');
  if (output === null) {
    printData(text);
    return;
  }
  writeWhole(output, text);
  say(`wrote ${options.output}: ${records.length} trials`);
}

/**
 * What a Prometheus would have seen of these trials.
 * @param holdMilliseconds for how long each result is repeated, every minute; 0 = it stands once.
 */
function historyOf(records: readonly ResultRecord[], holdMilliseconds: number, labels: Labels): History {
  const history = new History(labels);
  const counted = new Map<string, number>();
  const ended = [...records].sort((a, b) => Date.parse(a.endedAt) - Date.parse(b.endedAt));
  for (const record of ended) {
    const at = Date.parse(record.endedAt);
    addCounts(history, record, at, counted);
    addReadings(history, record);
    // The same rule as that of /metrics: what must not be compared is counted, not shown.
    if (record.status !== 'complete' || !record.valid || record.sweep.purpose !== 'measure') continue;
    for (let after = 0; after <= holdMilliseconds; after += MINUTE) addResult(history, record, at + after);
  }
  return history;
}

function addResult(history: History, record: ResultRecord, at: number): void {
  const labels = resultLabels(record);
  for (const { name, prometheus, help } of METRICS) {
    const value = metricValue(record, name);
    const metric = { name: `ridgepoint_${prometheus}`, kind: 'gauge', help };
    if (value !== null) history.add(metric, labels, at, value);
  }
  history.add(exportedMetric('ridgepoint_experiment_info'), infoLabels(record), at, 1);
  history.add(
    exportedMetric('ridgepoint_result_disturbed'),
    labels,
    at,
    gradingCodesOf(record.warnings).length > 0 ? 1 : 0,
  );
  history.add(
    exportedMetric('ridgepoint_result_timestamp_seconds'),
    labels,
    at,
    Date.parse(record.endedAt) / 1000,
  );
  for (const phase of record.roofline?.phases ?? []) {
    const ofPhase = { ...labels, phase: phase.name };
    history.add(exportedMetric('ridgepoint_phase_flops_per_second'), ofPhase, at, phase.flopsPerSecond);
    history.add(exportedMetric('ridgepoint_phase_flops_per_byte'), ofPhase, at, phase.intensity);
  }
}

/** Counters from the first of these trials on. */
function addCounts(history: History, record: ResultRecord, at: number, counted: Map<string, number>): void {
  const count = (name: CoordinatorMetric, labels: Labels): void => {
    const key = JSON.stringify([name, labels]);
    counted.set(key, (counted.get(key) ?? 0) + 1);
    history.add(exportedMetric(name), labels, at, counted.get(key) ?? 0);
  };
  count('ridgepoint_trials_total', {
    state: record.status === 'failed' ? 'failed' : record.valid ? 'complete' : 'invalid',
  });
  if (record.failure !== null) count('ridgepoint_failures_total', { code: record.failure.code });
  if (record.status === 'failed') return;
  const graded = record.valid ? 'ridgepoint_disturbed_total' : 'ridgepoint_invalid_total';
  for (const code of gradingCodesOf(record.warnings)) count(graded, { code });
}

function addReadings(history: History, record: ResultRecord): void {
  const begun = Date.parse(record.startedAt);
  const node = record.node.name;
  for (const { meter, quantity, seconds, values } of record.samples) {
    const whole = record.device.class.startsWith('cpu') || isOfNode(meter);
    let last = Number.NEGATIVE_INFINITY;
    for (const [i, second] of seconds.entries()) {
      const at = begun + second * 1000;
      if (at - last < CLOSEST) continue;
      last = at;
      const reading = { quantity, value: values[i] ?? Number.NaN };
      for (const { metric, labels, value } of exportedReadings(whole ? null : record.device.id, reading)) {
        history.add(exportedMetric(metric), { node, ...labels }, at, value);
      }
    }
  }
}

const byName = new Map<string, ExportedMetric>(
  [...COORDINATOR_METRICS, ...AGENT_METRICS].map((metric) => [metric.name, metric]),
);

function exportedMetric(name: CoordinatorMetric | AgentMetric): ExportedMetric {
  const found = byName.get(name);
  if (found === undefined) throw new Error(`${name} is in no catalogue`);
  return found;
}

function labelsOf(given: readonly string[]): Labels {
  return Object.fromEntries(
    given.map((text) => {
      const [, name, value] = /^([a-zA-Z_]\w*)=(.*)$/s.exec(text) ?? [];
      if (name === undefined || value === undefined) {
        throw usageError(
          `--label ${text}: this is no label`,
          'Write name=value, e.g. --label job=coordinator.',
        );
      }
      return [name, value];
    }),
  );
}
