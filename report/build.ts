import type { ResultRecord } from '../core/result/result.js';
import { IncrementalReport } from './incremental/report.js';
import type { Report, ReportRequest } from './report.js';

/**
 * Builds the report of any set of records: all trials of one experiment become one row, drift
 * controls stay apart, and only valid rows can stand on the Pareto front.
 */
export function buildReport(records: readonly ResultRecord[], request: ReportRequest): Report {
  const growing = new IncrementalReport(request);
  growing.add(records);
  return growing.report();
}
