import type { MetricName } from '../../core/metrics/catalogue.js';
import { shown } from './metric.js';
import { bars, type Sized } from './panels.js';
import { named, results } from './query.js';

/** @returns the results that are highest by a metric, as bars. */
export function top(title: string, metric: MetricName): Sized {
  return bars({
    title,
    description: shown(metric).help,
    unit: shown(metric).unit,
    lines: {
      '{{model}} {{quantization}} on {{node}} ({{experiment}})': `topk(15, max by (model, quantization, node, experiment) (${results(metric)}))`,
    },
  });
}

/** @returns a metric as an axis of a scatter chart whose colours are models and quantizations. */
export function axis(name: string, metric: MetricName) {
  return { name, unit: shown(metric).unit, expr: named(results(metric), ['model', 'quantization']) };
}

/** @returns a metric as a column of a table of results. */
export function column(name: string, metric: MetricName) {
  return { name, unit: shown(metric).unit, expr: results(metric) };
}
