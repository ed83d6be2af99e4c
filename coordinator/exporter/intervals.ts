import { METRICS } from '../../core/metrics/catalogue.js';
import { isPresent } from '../../core/result/result.js';
import { gaugeOf, type MetricRegistry, type Row } from './defined.js';
import { resultLabels } from './labels.js';
import type { RankedResult } from './ranking.js';

/** Of every metric there would be too many series. */
const SHOWN = METRICS.filter(({ column }) => column !== null);

/** Adds how sure exported results are: the ends of their intervals, and how many starts they come from. */
export function addIntervals(registry: MetricRegistry, results: () => readonly RankedResult[]): void {
  gaugeOf(registry, 'ridgepoint_result_interval', () =>
    results().flatMap(({ record }) =>
      SHOWN.flatMap(({ name, prometheus }) => endsOf(record, name, prometheus)),
    ),
  );
  gaugeOf(registry, 'ridgepoint_result_starts', () =>
    results().map(({ record, starts }): Row => [resultLabels(record), starts]),
  );
}

function endsOf(record: RankedResult['record'], name: string, metric: string): Row[] {
  const entry = record.measurements[name];
  if (!isPresent(entry) || entry.ci95 === null) return [];
  const [low, high] = entry.ci95;
  const labels = { ...resultLabels(record), metric };
  return [
    [{ ...labels, end: 'low' }, low],
    [{ ...labels, end: 'high' }, high],
  ];
}
