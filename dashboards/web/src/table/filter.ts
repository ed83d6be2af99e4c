import { axisText, cellText } from '../../../../report/columns.js';
import type { Report } from '../../../../report/report.js';
import { metricOf, type Row } from '../../../../report/rows.js';

export type StateFilter = 'all' | 'front' | 'valid' | 'invalid' | 'failed';

export interface Filter {
  readonly text: string;
  readonly state: StateFilter;
  /** Axis name → the value as it is written in the table. */
  readonly axes: Readonly<Record<string, string>>;
}

export const EMPTY_FILTER: Filter = { text: '', state: 'all', axes: {} };

/** @returns the rows that every part of the filter lets through, in the report's order. */
export function filterRows(report: Report, filter: Filter): Row[] {
  const words = filter.text
    .trim()
    .split(/\s+/)
    .filter((w) => w !== '')
    .map((word) => wordTest(report, word));
  const axes = Object.entries(filter.axes);
  return report.rows.filter(
    (row) =>
      (filter.state === 'all' || (filter.state === 'front' ? row.onFront : row.state === filter.state)) &&
      axes.every(([name, value]) => axisText(row.axes[name]) === value) &&
      words.every((test) => test(row)),
  );
}

const COMPARISON = /^([\w-]+)(>=|<=|=|>|<)(.+)$/;

/**
 * One word of the search box: `parallel=4`, `decode>100` (in the unit of the column), or text that the row's
 * values, codes and id contain.
 */
function wordTest(report: Report, word: string): (row: Row) => boolean {
  const [, name = '', sign = '', right = ''] = COMPARISON.exec(word) ?? [];
  const lower = name.toLowerCase();
  const metric = report.metrics.find((m) =>
    [m.name, m.label.replaceAll(' ', '')].some((n) => n.toLowerCase() === lower),
  );
  const axis = report.axes.find((a) => a.name.toLowerCase() === lower);
  if (name !== '' && metric !== undefined) {
    const limit = Number(right) * metric.scale.divisor;
    return (row) => {
      const value = metricOf(row, metric.name);
      return value !== null && holds(value, sign, limit);
    };
  }
  if (name !== '' && axis !== undefined) {
    return (row) => {
      const value = row.axes[axis.name];
      const shown = [axisText(value), cellText(axis, value)].map((text) => text.toLowerCase());
      if (sign === '=') return shown.includes(right.toLowerCase());
      return typeof value === 'number' && holds(value, sign, Number(right));
    };
  }
  const needle = word.toLowerCase();
  return (row) => haystack(row).includes(needle);
}

function holds(value: number, sign: string, limit: number): boolean {
  if (sign === '>') return value > limit;
  if (sign === '<') return value < limit;
  if (sign === '>=') return value >= limit;
  if (sign === '<=') return value <= limit;
  return value === limit;
}

/** Rows never change; what was written together once is kept for the next key. */
const HAYSTACKS = new WeakMap<Row, string>();

function haystack(row: Row): string {
  const known = HAYSTACKS.get(row);
  if (known !== undefined) return known;
  const made = wordsOf(row);
  HAYSTACKS.set(row, made);
  return made;
}

function wordsOf({ axes, trial, warnings, state, experimentId }: Row): string {
  const codes = warnings.map((w) => w.code);
  const values = Object.values(axes).map(axisText);
  return [...values, ...codes, trial.failure?.code ?? '', trial.node.name, state, experimentId]
    .join(' ')
    .toLowerCase();
}
