import { type ColumnSet, readColumns } from '../../../../core/report/column-sets.js';
import { metricColumns } from '../../../../core/report/columns.js';
import type { Report } from '../../../../core/report/report.js';

/** @returns the columns of a set that this report has. */
export function columnsOfSet(report: Report, set: ColumnSet): string[] {
  const reading = readColumns(set);
  if (!reading.ok) return [];
  const offered = new Set(report.metrics.map((m) => m.name));
  return metricColumns(report.rows, report.objectives, reading.columns)
    .filter((m) => m.shown && offered.has(m.name))
    .map((m) => m.name);
}
