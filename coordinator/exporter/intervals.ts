import { METRICS } from '../../core/metrics/catalogue.js';
import { isPresent, type Measurement, type Missing } from '../../core/result/result.js';
import { gradingCodesOf } from '../../core/result/warnings.js';
import { addSeries, type MetricRegistry, type Row } from './defined.js';
import { resultLabels } from './labels.js';
import type { RankedResult } from './ranking.js';

/** Of every metric there would be too many series. */
const SHOWN = METRICS.filter(({ column }) => column !== null);

/**
 * Adds how sure exported results are: the ends of their intervals, by what neighbours' readings adjust them, how many starts they come from,
 * and whether something disturbed them.
 */
export function addIntervals(registry: MetricRegistry, results: () => readonly RankedResult[]): void {
  addSeries(registry, {
    ridgepoint_result_interval: () =>
      results().flatMap(({ record }) => {
        const labels = resultLabels(record);
        return SHOWN.flatMap(({ name, prometheus }) =>
          endsOf(record.measurements[name], { ...labels, metric: prometheus }),
        );
      }),
    ridgepoint_result_adjusted_ratio: () =>
      results().flatMap(({ record }) => {
        const labels = resultLabels(record);
        return SHOWN.flatMap(({ name, prometheus }): Row[] => {
          const entry = record.measurements[name];
          if (!isPresent(entry) || entry.adjustedBy === undefined) return [];
          return [[{ ...labels, metric: prometheus }, entry.adjustedBy]];
        });
      }),
    ridgepoint_result_calm: () =>
      results().flatMap(({ record }) => {
        const labels = resultLabels(record);
        return SHOWN.flatMap(({ name, prometheus }): Row[] => {
          const calm = quotedCalm(record.measurements[name]);
          return calm === null ? [] : [[{ ...labels, metric: prometheus }, calm]];
        });
      }),
    ridgepoint_result_starts: () =>
      results().map(({ record, starts }): Row => [resultLabels(record), starts]),
    ridgepoint_result_disturbed: () =>
      results().map(
        ({ record }): Row => [resultLabels(record), gradingCodesOf(record.warnings).length > 0 ? 1 : 0],
      ),
  });
}

const quotedCalm = (entry: Measurement | Missing | undefined): number | null =>
  isPresent(entry) && entry.calm !== undefined ? entry.calm.value : null;

function endsOf(entry: Measurement | Missing | undefined, labels: Row[0]): Row[] {
  if (!isPresent(entry) || entry.ci95 === null) return [];
  const [low, high] = entry.ci95;
  return [
    [{ ...labels, end: 'low' }, low],
    [{ ...labels, end: 'high' }, high],
  ];
}
