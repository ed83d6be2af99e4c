import { nearest } from '../../../../core/input/suggest.js';
import { getOrMake } from '../../../../core/maps.js';
import type { Grade } from '../../../../core/result/warnings.js';
import { axisText, cellText } from '../../../../report/columns.js';
import { quotedValue } from '../../../../report/quoted.js';
import type { Report } from '../../../../report/report.js';
import type { Row } from '../../../../report/rows.js';
import { inRanges, type Ranges } from './ranges.js';

export type StateFilter = 'all' | 'front' | 'failed' | Grade;

export interface Filter {
  readonly text: string;
  readonly state: StateFilter;
  /** Axis name → the value as it is written in the table. */
  readonly axes: Readonly<Record<string, string>>;
  /** Strokes along the lines of the plot of axes. */
  readonly ranges: Ranges;
}

export const EMPTY_FILTER: Filter = { text: '', state: 'all', axes: {}, ranges: {} };

/** The words of the search box as they were understood. */
interface ReadWords {
  readonly tests: readonly ((row: Row) => boolean)[];
  /** A sentence for each word that means nothing here, which then lets every row through. */
  readonly problems: readonly string[];
}

/** @returns the rows that every part of the filter lets through, in the report's order. */
export function filterRows(report: Report, filter: Filter): Row[] {
  const { tests } = readWords(report, filter.text);
  const axes = Object.entries(filter.axes);
  const inside = inRanges(report, filter.ranges);
  return report.rows.filter(
    (row) =>
      (filter.state === 'all' ||
        (filter.state === 'front' ? row.onFront : gradeWord(row) === filter.state)) &&
      axes.every(([name, value]) => axisText(row.axes[name]) === value) &&
      inside(row) &&
      tests.every((test) => test(row)),
  );
}

/** Reads words of the search box, which are joined by spaces. */
export function readWords(report: Report, text: string): ReadWords {
  const tests: ReadWords['tests'][number][] = [];
  const problems: string[] = [];
  for (const term of text.split(/\s+/).filter((one) => one !== '')) {
    const read = readWord(report, term);
    if (typeof read === 'string') problems.push(read);
    else tests.push(read);
  }
  return { tests, problems };
}

const COMPARISON = /^([\w-]+)(>=|<=|=|>|<)(.*)$/;

/**
 * One word of the search box: `parallel=4`, `decode>100` (in the unit of the column), or text that the row's
 * values, codes and id contain.
 * @returns why it cannot be read, or what it asks of a row.
 */
function readWord(report: Report, term: string): string | ((row: Row) => boolean) {
  const needle = term.toLowerCase();
  const asText = (row: Row) => haystack(row).includes(needle);
  const [, name, sign = '', right = ''] = COMPARISON.exec(term) ?? [];
  if (name === undefined) return asText;
  const lower = name.toLowerCase();
  const metric = report.metrics.find((m) => namesOf(m).some((one) => one.toLowerCase() === lower));
  const axis = report.axes.find((a) => a.name.toLowerCase() === lower);
  if (metric === undefined && axis === undefined) {
    // Words of a recipe have such signs, too: `wanda:60%?dsnot=strict`.
    if (report.rows.some(asText)) return asText;
    const meant = nearest(name, [...report.axes.map((a) => a.name), ...report.metrics.flatMap(namesOf)]);
    return `${term}: there is no column ${name}${meant === null ? '' : `; did you mean ${meant}?`}`;
  }
  if (right === '') return `${term}: write a value behind ${sign}`;
  const number = Number(right);
  const notNumber = `${term}: ${right} is no number`;
  if (metric !== undefined) {
    if (!Number.isFinite(number)) return notNumber;
    const limit = number * metric.scale.divisor;
    return (row) => {
      const value = quotedValue(row, metric.name);
      return value !== null && holds(value, sign, limit);
    };
  }
  const { name: axisName } = axis!;
  if (sign !== '=') {
    if (!Number.isFinite(number)) return notNumber;
    if (!axis!.values.some((value) => typeof value === 'number'))
      return `${term}: ${axisName} has no numbers; write ${axisName}=${axis!.texts[0] ?? 'VALUE'}`;
  }
  return (row) => {
    const value = row.axes[axisName];
    const shown = [axisText(value), cellText(axis!, value)].map((one) => one.toLowerCase());
    if (sign === '=') return shown.includes(right.toLowerCase());
    return typeof value === 'number' && holds(value, sign, number);
  };
}

/** What a metric is called in a comparison: by its name, or as its column is headed. */
function namesOf({ name, label }: Report['metrics'][number]): readonly string[] {
  return [name, label.replaceAll(' ', '')];
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

const haystack = (row: Row): string => getOrMake(HAYSTACKS, row, () => wordsOf(row));

const gradeWord = ({ grade }: Row) => grade ?? 'failed';

function wordsOf({ axes, trial, warnings, state, grade, experimentId }: Row): string {
  const codes = warnings.map((w) => w.code);
  const values = Object.values(axes).map(axisText);
  return [...values, ...codes, trial.failure?.code ?? '', trial.node.name, state, grade ?? '', experimentId]
    .join(' ')
    .toLowerCase();
}
