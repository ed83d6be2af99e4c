import type { Measurement, Missing, ResultRecord } from './result.js';

/** @returns true when the entry holds a number; false when it holds a reason. */
export function isPresent(entry: Measurement | Missing | undefined): entry is Measurement {
  return entry !== undefined && entry.value !== null;
}

/** @returns the number of a metric in a record, or null when it is missing. */
export function metricValue(record: ResultRecord, name: string): number | null {
  const entry = record.measurements[name];
  return isPresent(entry) ? entry.value : null;
}
