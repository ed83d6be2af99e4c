import { type ColumnSet, readColumns } from '../../../../report/column-sets.js';
import { shownMetrics } from '../../../../report/columns.js';
import type { Report } from '../../../../report/report.js';

/** @returns the columns of a set that this report has. */
export function columnsOfSet(report: Report, set: ColumnSet): string[] {
  const reading = readColumns(set);
  if (!reading.ok) return [];
  const offered = new Set(report.metrics.map((m) => m.name));
  // Only names: which of them have numbers is known, and thousands of rows need not be asked again.
  return [...shownMetrics(report.objectives, reading.columns)].filter((name) => offered.has(name));
}
