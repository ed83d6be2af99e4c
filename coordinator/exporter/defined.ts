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
  const gauge = new Gauge({
    ...settings(name),
    registers: [registry],
    collect() {
      gauge.reset();
      for (const [labels, value] of rows()) gauge.inc(labels, value);
    },
  });
}

/** The same for what is always 1: a series that is named twice is still one. */
export function infoOf(
  registry: MetricRegistry,
  name: CoordinatorMetric,
  rows: () => readonly Row[0][],
): void {
  const gauge = new Gauge({
    ...settings(name),
    registers: [registry],
    collect() {
      gauge.reset();
      for (const labels of rows()) gauge.set(labels, 1);
    },
  });
}

/** Adds a counter whose count is kept elsewhere. */
export function countedElsewhere(
  registry: MetricRegistry,
  name: CoordinatorMetric,
  rows: () => readonly Row[],
): void {
  const counter = new Counter({
    ...settings(name),
    registers: [registry],
    collect() {
      counter.reset();
      for (const [labels, value] of rows()) counter.inc(labels, value);
    },
  });
}

/** @returns name, help and labels of a metric as prom-client wants them. */
export function settings(name: CoordinatorMetric): {
  name: string;
  help: string;
  labelNames: readonly string[];
} {
  const { help, labels } = definition(name);
  return { name, help, labelNames: labels };
}

const byName = new Map<string, ExportedMetric>(COORDINATOR_METRICS.map((one) => [one.name, one]));

function definition(name: CoordinatorMetric): ExportedMetric {
  const found = byName.get(name);
  if (found === undefined) throw new Error(`${name} is in no catalogue`);
  return found;
}
