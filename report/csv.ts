import { METRICS } from '../core/metrics/catalogue.js';
import { isPresent, type Measurement, type Missing, type ResultRecord } from '../core/result/result.js';
import type { Report } from './report.js';
import { METRIC_COLUMNS, rowColumns } from './row-columns.js';
import type { Row } from './rows.js';

type Cell = string | number | boolean | null;

/**
 * The rows of a report as CSV after RFC 4180 (CRLF, quotes where needed). The columns are the same for every
 * sweep over the same axes: all axes, then every metric of the catalogue with the ends of its 95 % interval.
 * Values are in the unit that the column's name ends in, at full precision; missing is an empty field.
 */
export function csvText(report: Report): string {
  return [...csvPieces(report, ({ trial }) => figuresOf(trial))].join('');
}

/** Lines that are handed on together. */
const PIECE = 1000;

/** @returns what `csvFigures` says of the measurements of a record. */
export function figuresOf({ measurements }: ResultRecord): string {
  return csvFigures((name) => csvFigure(measurements[name]));
}

/**
 * @param figures what `csvFigures` says of a row
 * @returns the same, some lines at a time
 */
export function* csvPieces(report: Report, figures: (row: Row) => string): Generator<string> {
  const columns = rowColumns(report);
  const head = [...columns, ...METRIC_COLUMNS].map(({ name }) => name);
  let text = csvLines([head]);
  for (const [i, row] of report.rows.entries()) {
    text += `${columns.map(({ of }) => field(of(row))).join(',')}${figures(row)}\r\n`;
    if (i % PIECE !== PIECE - 1) continue;
    yield text;
    text = '';
  }
  if (text !== '') yield text;
}

/** A number of a metric with the ends of its interval. */
export interface CsvFigure {
  readonly value: number | string;
  readonly low: number | string | undefined;
  readonly high: number | string | undefined;
}

/**
 * @param figureOf null = the metric has no number
 * @returns the end of a line: every metric with its interval, after a comma. Of tens of thousands of lines nearly all is
 *   figures, which need no quotes.
 */
export function csvFigures(figureOf: (metric: string) => CsvFigure | null): string {
  let text = '';
  for (const { name } of METRICS) {
    const figure = figureOf(name);
    if (figure === null) text += ',,,';
    else text += `,${figure.value},${figure.low ?? ''},${figure.high ?? ''}`;
  }
  return text;
}

/** @returns the measurements that `csvFigures` wrote, as far as it wrote them. */
export function measurementsOf(figures: string): ResultRecord['measurements'] {
  const cells = figures.split(',').slice(1);
  const none = { mean: 0, median: 0, n: 1, stddev: null, cv: null, samples: null, source: null };
  return Object.fromEntries(
    METRICS.flatMap(({ name, unit }, i) => {
      const [value = '', low = '', high = ''] = cells.slice(3 * i, 3 * i + 3);
      if (value === '') return [];
      const ci95: Measurement['ci95'] = low === '' || high === '' ? null : [Number(low), Number(high)];
      return [[name, { ...none, value: Number(value), unit, ci95 }]];
    }),
  );
}

/** @returns what `csvFigures` asks for. */
export function csvFigure(entry: Measurement | Missing | undefined): CsvFigure | null {
  if (!isPresent(entry)) return null;
  return { value: entry.value, low: entry.ci95?.[0], high: entry.ci95?.[1] };
}

/** @returns lines of cells after RFC 4180. */
export function csvLines(lines: readonly (readonly Cell[])[]): string {
  return lines.map((line) => `${line.map(field).join(',')}\r\n`).join('');
}

/** Spreadsheets run a field that starts so as a formula; a leading apostrophe makes it text (OWASP, CSV injection). */
const FORMULA = /^[=+\-@\t\r]/;

function field(value: Cell): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
