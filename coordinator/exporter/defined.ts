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

/**
 * Adds metrics of the catalogue with what gives their series at each scrape; rows of the same labels add up,
 * but an info that is named twice is still 1. Of counters the count is kept elsewhere.
 */
export function addSeries(
  registry: MetricRegistry,
  metrics: Readonly<Partial<Record<CoordinatorMetric, () => readonly Row[]>>>,
): void {
  for (const [name, rows] of Object.entries(metrics)) {
    const { kind, help, labels: labelNames } = byName.get(name)!;
    const collect = () => {
      metric.reset();
      for (const [labels, value] of rows()) {
        if (metric instanceof Gauge && kind === 'info') metric.set(labels, value);
        else metric.inc(labels, value);
      }
    };
    const described = { name, help, labelNames, registers: [registry], collect };
    const metric: Gauge | Counter = kind === 'counter' ? new Counter(described) : new Gauge(described);
  }
}

/** @returns name, help and labels of a metric as prom-client wants them. */
export function settings(name: CoordinatorMetric) {
  const { help, labels } = byName.get(name)!;
  return { name, help, labelNames: labels };
}

const byName = new Map<string, ExportedMetric>(COORDINATOR_METRICS.map((one) => [one.name, one]));
