import { METRICS } from '../core/metrics/catalogue.js';
import type { ResultRecord } from '../core/result/result.js';

/** Metrics of a row that nobody measured: predicted times. */
export const PREDICTED_TIMES: readonly string[] = METRICS.filter(
  ({ name, unit }) => name.startsWith('predicted') && unit === 's',
).map(({ name }) => name);

/**
 * @returns what the predicted times of a row follow from, such as `tables of vLLM 0.24.0 on …` with what
 *   makes them less sure; null where nothing is predicted.
 */
export function predictionSource({
  measurements,
  roofline,
}: Pick<ResultRecord, 'measurements' | 'roofline'>): string | null {
  for (const name of PREDICTED_TIMES) {
    const entry = measurements[name];
    if (entry !== undefined && entry.value !== null && entry.source !== null) return entry.source;
  }
  // Pages carry numbers without their sources, and the roofline whole.
  return roofline?.predictedBy ?? null;
}
