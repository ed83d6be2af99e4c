import { METRICS } from '../../core/metrics/catalogue.js';
import { gradingCodesOf } from '../../core/result/warnings.js';
import { PREDICTED_TIMES, predictionSource } from '../../report/prediction-source.js';
import { type Quoted, quotedOf } from '../../report/quoted.js';
import { addSeries, type MetricRegistry, type Row } from './defined.js';
import { resultLabels } from './labels.js';
import type { RankedResult } from './ranking.js';

/** Of every metric there would be too many series; what is predicted never stands without its band. */
const SHOWN = METRICS.filter(({ name, column }) => column !== null || PREDICTED_TIMES.includes(name));

/**
 * Adds how sure exported results are: the ends of their intervals, by what neighbours' readings adjust them,
 * how many starts they come from, and whether something disturbed them.
 */
export function addIntervals(registry: MetricRegistry, results: () => readonly RankedResult[]): void {
  const seriesOfResults = (seriesOf: (quoted: Quoted, labels: Row[0]) => Row[]) => () =>
    results().flatMap(({ record }) => {
      const labels = resultLabels(record);
      return SHOWN.flatMap(({ name, prometheus }) => {
        const quoted = quotedOf({ trial: record }, name);
        return quoted === null ? [] : seriesOf(quoted, { ...labels, metric: prometheus });
      });
    });
  addSeries(registry, {
    ridgepoint_result_interval: seriesOfResults(({ interval }, labels) =>
      interval === null
        ? []
        : [
            [{ ...labels, end: 'low' }, interval[0]],
            [{ ...labels, end: 'high' }, interval[1]],
          ],
    ),
    ridgepoint_result_adjusted_ratio: seriesOfResults(({ adjustedBy }, labels) =>
      adjustedBy === null ? [] : [[labels, adjustedBy]],
    ),
    ridgepoint_result_calm: seriesOfResults(({ calm }, labels) =>
      calm === null ? [] : [[labels, calm.value]],
    ),
    ridgepoint_result_prediction_info: () =>
      results().flatMap(({ record }): Row[] => {
        const source = predictionSource(record);
        return source === null ? [] : [[{ ...resultLabels(record), predicted_by: source }, 1]];
      }),
    ridgepoint_result_starts: () =>
      results().map(({ record, starts }): Row => [resultLabels(record), starts]),
    ridgepoint_result_disturbed: () =>
      results().map(
        ({ record }): Row => [resultLabels(record), gradingCodesOf(record.warnings).length > 0 ? 1 : 0],
      ),
  });
}
