import type { ResultRecord } from '../../core/result/result.js';
import { buildReport } from '../../report/build.js';
import type { Report, ReportRequest } from '../../report/report.js';
import type { Format } from '../options/display.js';
import { renderHtml } from '../output/html.js';
import { EXPORTERS } from '../output/index.js';
import { printData, printDrawn, say } from '../output/print.js';
import { renderTable } from '../output/table.js';
import { terminalStyle } from '../output/terminal.js';

/** Prints a report in one format. What a format cannot hold is said on stderr. */
export async function renderReport(report: Report, format: Format): Promise<string> {
  if (format === 'table') return renderTable(report, terminalStyle(process.stdout));
  if (format === 'html') return await renderHtml(report);
  const { text, notes } = EXPORTERS[format](report);
  for (const note of notes) say(note);
  return text;
}

/** Prints what was rendered. */
export function printRendered(text: string, format: Format): void {
  if (format === 'table') printDrawn(text);
  else printData(text);
}

/** Records → text, in one step. */
export async function renderResults(
  records: readonly ResultRecord[],
  format: Format,
  request: ReportRequest,
): Promise<string> {
  return await renderReport(buildReport(records, request), format);
}
