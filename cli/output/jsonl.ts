import type { ResultRecord } from '../../core/result/result.js';
import type { Report } from '../../report/report.js';
import type { Exporter } from './exporter.js';

/** The result records that count, each start of an experiment as it is stored, one a line. */
export const jsonl: Exporter = ({ rows }) => ({
  text: jsonLines(rows.flatMap((row) => row.starts)),
  notes: [],
});

/** One record a line. */
export function jsonLines(records: readonly ResultRecord[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join('');
}

/** @returns every record behind a report, oldest first. */
export function recordsOf(report: Report): ResultRecord[] {
  return [...report.rows.flatMap((row) => [...row.starts, ...row.others]), ...report.controls].sort((a, b) =>
    a.startedAt === b.startedAt ? a.trialId.localeCompare(b.trialId) : a.startedAt.localeCompare(b.startedAt),
  );
}
