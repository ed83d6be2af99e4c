import { metricNamed } from '../metrics/catalogue.js';
import type { Measurement, ResultRecord } from '../result.js';
import { sameJson } from '../same.js';

/**
 * Trials as a page of tens of thousands of them is given them: what tables and charts show, column by column. Columns that
 * say the same everywhere say it once, objects stand once in `shared`, figures are rounded to what a screen can show.
 * Everything else of a trial is asked for when somebody looks at it.
 */
export interface Summaries {
  readonly kind: 'summaries';
  readonly count: number;
  readonly shared: readonly unknown[];
  /** By key of the record; of what is in `NESTED` by both keys: `sweep.position`. */
  readonly columns: Readonly<Record<string, Column>>;
  /** By metric. */
  readonly figures: Readonly<Record<string, FigureColumns>>;
}

type Cell = string | number | boolean | null;
/** One cell for each trial, or one for all. `shared`: cells are indices in `shared`, null, or `ABSENT`. */
interface Column {
  readonly shared: boolean;
  readonly cells: readonly Cell[] | Cell;
}

interface FigureColumns {
  /** null = no number, or no such entry: then `reason` says which. */
  readonly value: Column['cells'];
  /** How far the 95 % interval reaches to both sides of the value; null where there is none. */
  readonly below: Column['cells'];
  readonly above: Column['cells'];
  readonly n: Column['cells'];
  /** Index in `shared`: the source of a number, the reason for none; `ABSENT` = no such entry. */
  readonly why: Column['cells'];
  /** Only where it is not the catalogue's. */
  readonly unit?: string;
}

/** A key that a record does not have. */
const ABSENT = -1;
const NESTED: ReadonlySet<string> = new Set(['sweep', 'repeats', 'experiment']);
/** Asked for when somebody looks at a trial. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'measurements',
  'phases',
  'tokenSeconds',
  'samples',
  'given',
  'profile',
  'training',
]);

/** @param records that measure: of drift controls every repeat counts, which summaries do not have */
export function summarize(records: readonly ResultRecord[]): Summaries {
  const shared: unknown[] = [];
  const known = new Map<string, number>();
  const share = (value: unknown): number => {
    // No JSON of an object or null begins with a quotation mark.
    const key = typeof value === 'string' ? `"${value}` : JSON.stringify(value);
    const at = known.get(key) ?? shared.push(value) - 1;
    known.set(key, at);
    return at;
  };
  const flat = records.map(flatten);
  const keys = new Set<string>();
  for (const one of flat) for (const key of one.keys()) keys.add(key);
  const columns: Record<string, Column> = {};
  for (const key of keys) {
    const values = flat.map((one) => one.get(key));
    const plain = values.every(
      (value) => value !== undefined && (value === null || typeof value !== 'object'),
    );
    const cells = plain ? (values as Cell[]) : sharedCells(values, share);
    columns[key] = { shared: !plain, cells: once(cells) };
  }
  const names = new Set<string>();
  for (const { measurements } of records) for (const name in measurements) names.add(name);
  const figures = Object.fromEntries([...names].map((name) => [name, figureColumns(name, records, share)]));
  return { kind: 'summaries', count: records.length, shared, columns, figures };
}

/** @returns records whose raw samples are empty, and whose numbers have the digits that are shown. */
export function unpackSummaries({ count, shared, columns, figures }: Summaries): ResultRecord[] {
  const records = Array.from({ length: count }, () => ({}) as Record<string, unknown>);
  for (const [key, column] of Object.entries(columns)) {
    const [outer = '', inner] = key.split('.');
    records.forEach((record, i) => {
      const cell = at(column.cells, i);
      if (column.shared && cell === ABSENT) return;
      const value = column.shared && cell !== null ? shared[cell as number] : cell;
      if (inner === undefined) record[outer] = value;
      else {
        record[outer] ??= {};
        (record[outer] as Record<string, unknown>)[inner] = value;
      }
    });
  }
  for (const record of records) {
    Object.assign(record, { measurements: {}, phases: [], tokenSeconds: [], samples: [] });
    Object.assign(record, { profile: null, training: null });
  }
  for (const [name, figure] of Object.entries(figures)) {
    const unit = figure.unit ?? metricNamed(name)?.unit ?? '';
    records.forEach((record, i) => {
      const why = at(figure.why, i) as number;
      if (why === ABSENT) return;
      const entries = record.measurements as Record<string, unknown>;
      const value = at(figure.value, i) as number | null;
      const said = shared[why];
      if (value === null) entries[name] = { value, unit, reason: said };
      else entries[name] = measurementOf(value, unit, figure, i, said as string | null);
    });
  }
  // Made of columns that `summarize` took off records, key by key.
  return records as unknown as ResultRecord[];
}

function measurementOf(
  value: number,
  unit: string,
  { below, above, n }: FigureColumns,
  i: number,
  source: string | null,
): Measurement {
  const [low, high] = [at(below, i) as number | null, at(above, i) as number | null];
  const ci95: Measurement['ci95'] = low === null || high === null ? null : [value - low, value + high];
  const spread = { mean: value, median: value, stddev: null, cv: null, ci95, samples: null };
  return { value, unit, n: at(n, i) as number, ...spread, source };
}

function figureColumns(
  name: string,
  records: readonly ResultRecord[],
  share: (value: unknown) => number,
): FigureColumns {
  const value: (number | null)[] = [];
  const below: (number | null)[] = [];
  const above: (number | null)[] = [];
  const n: number[] = [];
  const why: number[] = [];
  let unit: string | undefined = metricNamed(name)?.unit;
  for (const { measurements } of records) {
    const entry = measurements[name];
    if (entry !== undefined) unit = entry.unit;
    const number = entry === undefined || entry.value === null ? null : entry;
    const interval = number?.ci95 ?? null;
    value.push(number && rounded(number.value, 6));
    below.push(number && interval && rounded(number.value - interval[0], 4));
    above.push(number && interval && rounded(interval[1] - number.value, 4));
    n.push(number?.n ?? 0);
    why.push(entry === undefined ? ABSENT : share(entry.value === null ? entry.reason : entry.source));
  }
  const own = unit === metricNamed(name)?.unit ? {} : { unit };
  return {
    ...{ value: once(value), below: once(below), above: once(above), n: once(n), why: once(why) },
    ...(own as { unit?: string }),
  };
}

/** @returns what a record says, by key. */
function flatten(record: ResultRecord): Map<string, unknown> {
  const flat = new Map<string, unknown>();
  for (const [key, value] of Object.entries(record)) {
    if (LEFT_OUT.has(key)) continue;
    if (!NESTED.has(key)) flat.set(key, value);
    else for (const [inner, own] of Object.entries(value as object)) flat.set(`${key}.${inner}`, own);
  }
  return flat;
}

function sharedCells(values: readonly unknown[], share: (value: unknown) => number): (number | null)[] {
  let last: unknown;
  let place = ABSENT;
  return values.map((value) => {
    if (value === undefined) return ABSENT;
    if (value === null) return null;
    // Most trials say what the one before said: to see that costs less than to look it up.
    if (last === undefined || !sameJson(value, last)) [last, place] = [value, share(value)];
    return place;
  });
}

function once<T extends Cell>(cells: readonly T[]): readonly T[] | T {
  const [first] = cells;
  return first !== undefined && cells.every((cell) => cell === first) ? first : cells;
}

function at(cells: Column['cells'], i: number): Cell {
  return Array.isArray(cells) ? ((cells as readonly Cell[])[i] ?? null) : (cells as Cell);
}

/** @returns the number with so many significant digits; whole numbers stay whole. */
function rounded(value: number, digits: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(digits));
}
