import type { NumberFormat } from '../../core/work/operator-call.js';

/** A table that cannot be what it says it is. The message is a whole sentence without its end. */
export class TableError extends Error {}

/** Tables name types as the tool does that measured them. */
const FORMAT_NAMES: Readonly<Record<string, NumberFormat>> = {
  bfloat16: 'bf16',
  float16: 'bf16',
  half: 'bf16',
  fp8: 'fp8',
  fp8_block: 'fp8-block',
  nvfp4: 'nvfp4',
  int8_wo: 'int8',
  int4_wo: 'int4',
  w4a16_mxfp4: 'mxfp4',
  w4a8_mxfp4_mxfp8: 'mxfp4-mxfp8',
};

/** Longer than any call takes: what is above is not in the unit that the column is read in. */
const MOST_SECONDS = 600;

/** One row of a table, read with checks. */
export class TableRow {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #place: string;

  /** @param place as messages say it: `row 17 of gemm_perf.parquet`. */
  constructor(values: Readonly<Record<string, unknown>>, place: string) {
    this.#values = values;
    this.#place = place;
  }

  text(column: string): string {
    const value = this.#values[column];
    if (typeof value === 'string') return value;
    throw this.#error(`${column} is ${shown(value)}, not a word`);
  }

  /** A size: a whole number above 0. */
  size(column: string): number {
    const value = this.#number(column);
    if (Number.isSafeInteger(value) && value > 0) return value;
    throw this.#error(`${column} is ${shown(value)}, not a whole number above 0`);
  }

  /** A whole number that may be 0; an empty cell is one. */
  count(column: string): number {
    if (this.#isEmpty(column)) return 0;
    const value = this.#number(column);
    if (Number.isSafeInteger(value) && value >= 0) return value;
    throw this.#error(`${column} is ${shown(value)}, not a whole number`);
  }

  /** A time that the table has in milliseconds. */
  seconds(column: string): number {
    const value = this.#number(column) / 1000;
    if (value > 0 && value < MOST_SECONDS) return value;
    const wrong = value > 0 ? 'which is longer than any operator runs' : 'and a time is above 0';
    throw this.#error(`${column} is ${shown(this.#values[column])} ms, ${wrong}`);
  }

  /** @throws TableError for a type that is not known here. */
  format(column: string): NumberFormat {
    const name = this.text(column);
    const format = FORMAT_NAMES[name];
    if (format !== undefined) return format;
    throw this.#error(
      `${column} is ${JSON.stringify(name)}, which is not a known type (known are ${Object.keys(FORMAT_NAMES).join(', ')})`,
    );
  }

  /** Whether a cell is empty; a column that the file does not have is. */
  #isEmpty(column: string): boolean {
    const value = this.#values[column];
    return value === undefined || value === null || Number.isNaN(value);
  }

  #number(column: string): number {
    const value = this.#values[column];
    if (typeof value === 'bigint') return Number(value);
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw this.#error(`${column} is ${shown(value)}, not a number`);
  }

  #error(what: string): TableError {
    return new TableError(`${this.#place}: ${what}`);
  }
}

const shown = (value: unknown) =>
  value === undefined ? 'missing' : typeof value === 'string' ? JSON.stringify(value) : String(value);
