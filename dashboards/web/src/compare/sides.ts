import { type Apart, runsApart } from '../../../../report/apart.js';
import { axisText } from '../../../../report/columns.js';
import { type Matched, matchRows } from '../../../../report/compare.js';
import type { Report } from '../../../../report/report.js';
import type { Row } from '../../../../report/rows.js';

/** What is held against what. */
export type Choice =
  /** Rows of one value of an axis against those of another that are the same else. */
  | { readonly kind: 'axis'; readonly axis: string; readonly a: string; readonly b: string }
  /** One row against another, by experiment. */
  | { readonly kind: 'rows'; readonly a: string; readonly b: string }
  /** This run is B, and A is another. */
  | { readonly kind: 'run'; readonly before: Report };

/** @returns the pairs to compare, A first. */
export function pairsOf(report: Report, choice: Choice): Matched {
  if (choice.kind === 'run') return matchRows(choice.before, report, new Set());
  const told = (row: Row) => (choice.kind === 'axis' ? axisText(row.axes[choice.axis]) : row.experimentId);
  const side = (chosen: string) => ({ ...report, rows: report.rows.filter((row) => told(row) === chosen) });
  const differ = choice.kind === 'axis' ? [choice.axis] : report.axes.map(({ name }) => name);
  return matchRows(side(choice.a), side(choice.b), new Set(differ));
}

/** @returns the two runs that a choice holds against each other; null where it is within one. */
export function apartOf(report: Report, choice: Choice): Apart | null {
  return choice.kind === 'run' ? runsApart(choice.before, report) : null;
}
