import { METRIC_NAMES, METRICS } from '../core/metrics/catalogue.js';
import type { Measurement, Missing, ResultRecord } from '../core/result/result.js';
import { isPaced } from '../judgement/pace.js';
import type { Interval } from '../statistics/interval.js';
import { shownMetrics } from './columns.js';
import { quotedEntry } from './quoted.js';
import type { Report } from './report.js';
import { columnsOfMetric, rowColumns } from './row-columns.js';
import type { Row } from './rows.js';
import { boundedEnds } from './scale.js';

export type Cell = string | number | boolean | null;

/** What of an item stands in a column, by the head of the column. */
export type Columns<T> = Readonly<Record<string, (item: T) => Cell>>;

/** @returns heads, and a line of cells below them for each item. */
export function linesOf<T>(items: readonly T[], columns: Columns<T>): { head: string[]; lines: Cell[][] } {
  const cells = Object.values(columns);
  return { head: Object.keys(columns), lines: items.map((item) => cells.map((cell) => cell(item))) };
}

/**
 * The rows of a report as CSV after RFC 4180 (CRLF, quotes where needed). The columns are the same for every
 * sweep over the same axes: all axes, then every metric of the catalogue, or those that were asked for, with
 * the ends of its 95 % interval; of those that neighbours' readings adjust also what was measured, the
 * factor, and the number of a calm machine with its interval. Values are in the unit that the column's name
 * ends in, at full precision; missing is an empty field, as are the ends of an interval that spans orders of
 * magnitude.
 */
export function csvText(report: Report): string {
  return [...csvPieces(report, ({ trial }) => trial)].join('');
}

/** @returns the metrics of a report's CSV: all, where nobody asked for columns. */
function metricsOf({ columns, objectives }: Report): readonly string[] {
  return columns === null ? METRIC_NAMES : [...shownMetrics(objectives, columns)];
}

/** Lines that are handed on together. */
const PIECE = 1000;

/**
 * @param recordOf a record with what a row says as its measurements
 * @returns the same, some lines at a time
 */
export function* csvPieces(report: Report, recordOf: (row: Row) => ResultRecord): Generator<string> {
  const columns = rowColumns(report);
  const metrics = metricsOf(report);
  const head = [...columns, ...metrics.flatMap(columnsOfMetric)].map(({ name }) => name);
  let text = csvLines([head]);
  for (const [i, row] of report.rows.entries()) {
    const { measurements } = recordOf(row);
    const figures = csvFigures((name) => csvFigure(measurements[name]), metrics);
    text += `${columns.map(({ cellOf }) => field(cellOf(row))).join(',')}${figures}\r\n`;
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
  readonly asMeasured?: number | null;
  readonly adjustedBy?: number | null;
  /** The number of a calm machine, with the ends of its interval; alone where these are not known. */
  readonly calm?: { readonly value: number; readonly ends: Interval | null } | null;
}

/**
 * @param figureOf null = the metric has no number
 * @returns the end of a line: each metric with its interval, after a comma. Of tens of thousands of lines
 *   nearly all is figures, which need no quotes.
 */
export function csvFigures(
  figureOf: (metric: string) => CsvFigure | null,
  metrics: readonly string[] = METRIC_NAMES,
): string {
  let text = '';
  for (const name of metrics) {
    const figure = figureOf(name);
    if (figure === null) text += isPaced(name) ? ',,,,,,,,' : ',,,';
    else {
      text += `,${figure.value},${figure.low ?? ''},${figure.high ?? ''}`;
      if (isPaced(name))
        text += `,${figure.asMeasured ?? ''},${figure.adjustedBy ?? ''},${figure.calm?.value ?? ''},${figure.calm?.ends?.join(',') ?? ','}`;
    }
  }
  return text;
}

/** @returns the measurements that `csvFigures` wrote of a start with all metrics, as far as it wrote them. */
export function measurementsOf(figures: string): ResultRecord['measurements'] {
  const cells = figures.split(',').slice(1);
  const none = { mean: 0, median: 0, n: 1, stddev: null, cv: null, samples: null, source: null };
  const measurements: ResultRecord['measurements'] = {};
  let at = 0;
  for (const { name, unit } of METRICS) {
    const [value = '', low = '', high = ''] = [cells[at], cells[at + 1], cells[at + 2]];
    at += isPaced(name) ? 8 : 3;
    if (value === '') continue;
    const ci95: Measurement['ci95'] = low === '' || high === '' ? null : [Number(low), Number(high)];
    measurements[name] = { ...none, value: Number(value), unit, ci95 };
  }
  return measurements;
}

/** @returns what `csvFigures` asks for. */
export function csvFigure(entry: Measurement | Missing | undefined): CsvFigure | null {
  const quoted = quotedEntry(entry);
  if (quoted === null) return null;
  const { value, interval, asMeasured, adjustedBy, calm } = quoted;
  const ends = boundedEnds(interval);
  return {
    value,
    low: ends?.[0],
    high: ends?.[1],
    asMeasured,
    adjustedBy,
    calm: calm === null ? null : { value: calm.value, ends: boundedEnds(calm.interval) },
  };
}

/** @returns lines of cells after RFC 4180. */
export function csvLines(lines: readonly (readonly Cell[])[]): string {
  return lines.map((line) => `${line.map(field).join(',')}\r\n`).join('');
}

/**
 * Spreadsheets run a field that starts so as a formula; a leading apostrophe makes it text (OWASP, CSV
 * injection).
 */
const FORMULA = /^[=+\-@\t\r]/;

function field(value: Cell): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
