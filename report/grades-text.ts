import type { ReportCounts } from './report.js';

/**
 * @returns `: 9 clean, 3 disturbed, 1 failed`, for behind how many there are; nothing where there are none.
 */
export function gradesText({
  valid,
  disturbed,
  invalid,
  failed,
}: Pick<ReportCounts, 'valid' | 'disturbed' | 'invalid' | 'failed'>): string {
  const counts = Object.entries({ clean: valid - disturbed, disturbed, invalid, failed });
  const parts = counts.flatMap(([grade, count]) => (count > 0 ? [`${count} ${grade}`] : []));
  return parts.length === 0 ? '' : `: ${parts.join(', ')}`;
}
