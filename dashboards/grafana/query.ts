import type { MetricName } from '../../core/metrics/catalogue.js';
import { shown } from './metric.js';

/** Every result's gauges carry these; together they tell two results apart. */
const RESULT = ['experiment', 'node', 'device'] as const;

/** Results of the sweeps and models that the reader chose. */
const CHOSEN = 'sweep=~"$sweep", model=~"$model"';

/** @returns the chosen results' values of a metric. */
export function results(name: MetricName): string {
  return `${shown(name).series}{${CHOSEN}}`;
}

/**
 * @returns the chosen results' values of a series that is in no catalogue, with more conditions on its
 *   labels.
 */
export function chosen(series: string, more = ''): string {
  return `${series}{${CHOSEN}${more === '' ? '' : `, ${more}`}}`;
}

/**
 * @returns results with an axis of their experiment as a label, e.g. `sparsity`; what has none keeps an empty
 *   one.
 */
export function withAxis(vector: string, axis: string): string {
  // Several coordinators, or one experiment on two nodes, give one info series more than once.
  return `${vector} * on (experiment) group_left (${axis}) max by (experiment, ${axis}) (ridgepoint_experiment_info)`;
}

/** @returns the median over all else, by the labels. */
export function medianBy(labels: string, vector: string): string {
  return `quantile by (${labels}) (0.5, ${vector})`;
}

/**
 * @returns the value that a share of the observations keeps under
 * @param over a range of time: `$__range`, `15m`
 */
export function quantileOf(
  share: number,
  histogram: string,
  {
    by = [],
    where = '',
    over = '$__range',
  }: { readonly by?: readonly string[]; readonly where?: string; readonly over?: string } = {},
): string {
  const buckets = `sum by (${['le', ...by].join(', ')}) (rate(${histogram}_bucket{${where}}[${over}]))`;
  return `histogram_quantile(${share}, ${buckets})`;
}

/**
 * Names values for a scatter chart: `series` is what is coloured alike, `point` tells apart what is in it.
 * Both axes of a chart have to be named alike, for that is what they are joined on.
 * @param series a text, or labels whose values make one
 */
export function named(
  vector: string,
  series: string | readonly string[],
  point: readonly string[] = RESULT,
): string {
  const quoted = (labels: readonly string[]) => labels.map((label) => `"${label}"`).join(', ');
  const pointed = `label_join(${vector}, "point", " ", ${quoted(point)})`;
  const both =
    typeof series === 'string'
      ? `label_replace(${pointed}, "series", "${series}", "", "")`
      : `label_join(${pointed}, "series", " ", ${quoted(series)})`;
  return `max by (series, point) (${both})`;
}
