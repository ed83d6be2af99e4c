import { getOrMake } from '../../core/maps.js';
import { metricNamed } from '../../core/metrics/catalogue.js';
import type { Measurement, Missing, ResultRecord } from '../../core/result/result.js';
import { sameJson } from '../../core/same.js';

/**
 * Trials as a page of tens of thousands of them is given them: what tables and charts show, column by column.
 * Columns that say the same everywhere say it once, objects stand once in `shared`, figures are rounded to
 * what a screen can show. Everything else of a trial is asked for when somebody looks at it.
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
  'serving',
  'graph',
]);

/**
 * Summaries of records that come one by one: of each only its cells are kept. Only of those that measure: of
 * drift controls every repeat counts, which summaries do not have.
 */
export class Summarizer {
  readonly #columns = new Map<string, unknown[]>();
  /** Of keys that hold more of them. */
  readonly #nested = new Map<string, Map<string, unknown[]>>();
  readonly #figures = new Map<string, Figure>();
  readonly #shared = new Shared();
  count = 0;

  add(record: ResultRecord): void {
    const at = this.count;
    this.count += 1;
    const values: Record<string, unknown> = record;
    for (const key in record) {
      if (NESTED.has(key)) this.#addInner(key, values[key] as Record<string, unknown>, at);
      else if (!LEFT_OUT.has(key)) put(this.#columns, key, at, values[key]);
    }
    for (const name in record.measurements) {
      const entry = record.measurements[name];
      if (entry !== undefined)
        getOrMake(this.#figures, name, () => new Figure(name)).put(at, entry, this.#shared);
    }
  }

  /** @returns what came since the last time. */
  take(): Summaries {
    const columns: Record<string, Column> = {};
    for (const [key, values] of this.#columns) columns[key] = this.#column(values);
    for (const [outer, inner] of this.#nested) {
      for (const [key, values] of inner) columns[`${outer}.${key}`] = this.#column(values);
    }
    const figures: Record<string, FigureColumns> = {};
    for (const [name, figure] of this.#figures) figures[name] = figure.columns(this.count);
    const { count } = this;
    const shared = this.#shared.take();
    for (const all of [this.#columns, this.#nested, this.#figures]) all.clear();
    this.count = 0;
    return { kind: 'summaries', count, shared, columns, figures };
  }

  #addInner(key: string, values: Record<string, unknown>, at: number): void {
    const columns = getOrMake(this.#nested, key, () => new Map<string, unknown[]>());
    for (const inner in values) put(columns, inner, at, values[inner]);
  }

  #column(values: unknown[]): Column {
    fill(values, this.count, undefined);
    const plain = values.every(
      (value) => value !== undefined && (value === null || typeof value !== 'object'),
    );
    const cells = plain ? (values as Cell[]) : sharedCells(values, this.#shared);
    return { shared: !plain, cells: collapseEqualCells(cells) };
  }
}

/** Values that stand once. */
class Shared {
  #values: unknown[] = [];
  readonly #known = new Map<string, number>();

  /** @returns where the value stands. */
  place(value: unknown): number {
    // No JSON of an object or null begins with a quotation mark.
    const key = typeof value === 'string' ? `"${value}` : JSON.stringify(value);
    const at = this.#known.get(key) ?? this.#values.push(value) - 1;
    this.#known.set(key, at);
    return at;
  }

  take(): unknown[] {
    const values = this.#values;
    this.#values = [];
    this.#known.clear();
    return values;
  }
}

/** The columns of one metric while they grow. */
class Figure {
  readonly #unit: string | undefined;
  #own: string | undefined;
  readonly #value: (number | null)[] = [];
  readonly #below: (number | null)[] = [];
  readonly #above: (number | null)[] = [];
  readonly #n: number[] = [];
  readonly #why: number[] = [];
  /** What the entry before said, and where that stands. */
  #said: string | null | undefined;
  #place = ABSENT;

  constructor(name: string) {
    this.#unit = metricNamed(name)?.unit;
  }

  put(at: number, entry: Measurement | Missing, shared: Shared): void {
    if (this.#why.length < at) this.#skip(at);
    const said = entry.value === null ? entry.reason : entry.source;
    if (said !== this.#said) [this.#said, this.#place] = [said, shared.place(said)];
    this.#why.push(this.#place);
    this.#own = entry.unit === this.#unit ? undefined : entry.unit;
    if (entry.value === null) {
      this.#value.push(null);
      this.#interval(null, null, 0);
      return;
    }
    const { value, ci95, n } = entry;
    this.#value.push(toDigits(value, 6));
    if (ci95 === null) this.#interval(null, null, n);
    else this.#interval(toDigits(value - ci95[0], 4), toDigits(ci95[1] - value, 4), n);
  }

  columns(count: number): FigureColumns {
    this.#skip(count);
    return {
      value: collapseEqualCells(this.#value),
      below: collapseEqualCells(this.#below),
      above: collapseEqualCells(this.#above),
      n: collapseEqualCells(this.#n),
      why: collapseEqualCells(this.#why),
      ...(this.#own !== undefined && { unit: this.#own }),
    };
  }

  #interval(below: number | null, above: number | null, n: number): void {
    this.#below.push(below);
    this.#above.push(above);
    this.#n.push(n);
  }

  /** Trials up to that one have no such entry. */
  #skip(count: number): void {
    for (const cells of [this.#value, this.#below, this.#above]) fill(cells, count, null);
    fill(this.#n, count, 0);
    fill(this.#why, count, ABSENT);
  }
}

function put(columns: Map<string, unknown[]>, key: string, at: number, value: unknown): void {
  let values = columns.get(key);
  if (values === undefined) {
    values = [];
    columns.set(key, values);
  }
  if (values.length < at) fill(values, at, undefined);
  values.push(value);
}

function fill<T>(cells: T[], count: number, value: T): void {
  while (cells.length < count) cells.push(value);
}

/** @returns records whose raw samples are empty, and whose numbers have the digits that are shown. */
export function unpackSummaries({ count, shared, columns, figures }: Summaries): ResultRecord[] {
  const records = Array.from({ length: count }, () => ({}) as Record<string, unknown>);
  for (const [key, column] of Object.entries(columns)) {
    const [outer = '', inner] = key.split('.');
    records.forEach((record, i) => {
      const cell = cellAt(column.cells, i);
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
      const why = cellAt(figure.why, i) as number;
      if (why === ABSENT) return;
      const entries = record.measurements as Record<string, unknown>;
      const value = cellAt(figure.value, i) as number | null;
      const said = shared[why];
      if (value === null) entries[name] = { value, unit, reason: said };
      else entries[name] = measurementOf(value, unit, figure, i, said as string | null);
    });
  }
  // Made of columns that `Summarizer` took off records, key by key.
  return records as unknown as ResultRecord[];
}

function measurementOf(
  value: number,
  unit: string,
  { below, above, n }: FigureColumns,
  i: number,
  source: string | null,
): Measurement {
  const [low, high] = [cellAt(below, i) as number | null, cellAt(above, i) as number | null];
  const ci95: Measurement['ci95'] = low === null || high === null ? null : [value - low, value + high];
  const spread = { mean: value, median: value, stddev: null, cv: null, ci95, samples: null };
  return { value, unit, n: cellAt(n, i) as number, ...spread, source };
}

function sharedCells(values: readonly unknown[], shared: Shared): (number | null)[] {
  let last: unknown;
  let place = ABSENT;
  return values.map((value) => {
    if (value === undefined) return ABSENT;
    if (value === null) return null;
    // Most trials say what the one before said: to see that costs less than to look it up.
    if (last === undefined || !sameJson(value, last)) [last, place] = [value, shared.place(value)];
    return place;
  });
}

function collapseEqualCells<T extends Cell>(cells: readonly T[]): readonly T[] | T {
  const [first] = cells;
  return first !== undefined && cells.every((cell) => cell === first) ? first : cells;
}

function cellAt(cells: Column['cells'], i: number): Cell {
  return Array.isArray(cells) ? ((cells as readonly Cell[])[i] ?? null) : (cells as Cell);
}

const POWERS = Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));

/** @returns the number with so many significant digits; whole numbers stay whole. */
function toDigits(value: number, digits: number): number {
  if (Number.isInteger(value)) return value;
  // By arithmetic, since `toPrecision` costs more than all else that is done with a figure. Quotients of
  // whole numbers are written with the digits of the first one.
  const decimals = digits - 1 - Math.floor(Math.log10(Math.abs(value)));
  const power = POWERS[Math.abs(decimals)];
  if (power === undefined) return Number(value.toPrecision(digits));
  return decimals < 0 ? Math.round(value / power) * power : Math.round(value * power) / power;
}
