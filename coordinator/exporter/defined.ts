import { Counter, Gauge, type OpenMetricsContentType, type Registry } from 'prom-client';
import {
  COORDINATOR_METRICS,
  type CoordinatorMetric,
  type ExportedMetric,
} from '../../core/metrics/exported.js';

/** prom-client keeps exemplars in registries of this kind only. */
export type MetricRegistry = Registry<OpenMetricsContentType>;

/** A series as it is at the moment of a scrape. */
export type Row = readonly [labels: Readonly<Record<string, string>>, value: number];

/** Adds a gauge of the catalogue whose series are what `rows` gives at each scrape; rows of the same labels add up. */
export function gaugeOf(registry: MetricRegistry, name: CoordinatorMetric, rows: () => readonly Row[]): void {
  const collect = () => refill(gauge, rows());
  const gauge: Gauge = new Gauge({ ...settings(name), registers: [registry], collect });
}

/** The same for what is always 1: a series that is named twice is still one. */
export function infoOf(
  registry: MetricRegistry,
  name: CoordinatorMetric,
  rows: () => readonly Row[0][],
): void {
  const collect = () => {
    gauge.reset();
    for (const labels of rows()) gauge.set(labels, 1);
  };
  const gauge: Gauge = new Gauge({ ...settings(name), registers: [registry], collect });
}

/** Adds a counter whose count is kept elsewhere. */
export function countedElsewhere(
  registry: MetricRegistry,
  name: CoordinatorMetric,
  rows: () => readonly Row[],
): void {
  const collect = () => refill(counter, rows());
  const counter: Counter = new Counter({ ...settings(name), registers: [registry], collect });
}

function refill(metric: Gauge | Counter, rows: readonly Row[]): void {
  metric.reset();
  for (const [labels, value] of rows) metric.inc(labels, value);
}

/** @returns name, help and labels of a metric as prom-client wants them. */
export function settings(name: CoordinatorMetric) {
  const { help, labels } = byName.get(name)!;
  return { name, help, labelNames: labels };
}

const byName = new Map<string, ExportedMetric>(COORDINATOR_METRICS.map((one) => [one.name, one]));
