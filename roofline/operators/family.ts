import type { NumberFormat, OperatorCall } from '../../core/work/operator-call.js';
import type { Grid } from './surface.js';
import type { TableRow } from './table-row.js';

/** What one call asks of a device at least: its roofs make a time of it. */
export interface CallWork {
  /** Through memory, each once. */
  readonly bytes: number;
  readonly flops: number;
  /** What multiplies; left out where nothing does. */
  readonly format: NumberFormat | null;
  /** That this device sends to others. */
  readonly linkBytes: number;
}

/** A measurement as a table has it, in our terms. */
export interface Measurement<Call extends OperatorCall = OperatorCall> {
  readonly call: Call;
  readonly seconds: number;
}

/** A file of a folder of tables, `<device>/<folder>/<engine>/<release>/<file>`. */
export interface Table<Call extends OperatorCall> {
  readonly folder: string;
  readonly file: string;
  /** What a file must have; others may stand beside these. */
  readonly columns: readonly string[];
  /**
   * @returns null for a row that is not of a call of ours: one timed from the host, say.
   * @throws TableError for what cannot be.
   */
  measurementOf(row: TableRow): Measurement<Call> | null;
}

/** A point on the surface of calls that behave alike. */
export interface CallCoordinates {
  /** Which surface: `decode bf16 fp8`. */
  readonly surface: string;
  /** One for each axis of the grid, above 0. */
  readonly point: readonly number[];
}

/** Calls whose time depends on the same things: one folder. */
export interface Family<Call extends OperatorCall = OperatorCall> {
  readonly name: Call['family'];
  readonly tables: readonly Table<Call>[];
  readonly grid: Grid;
  /**
   * Where the smallest calls of one format take as long with every engine, the longest that they can: what
   * takes more was timed from the host, and what one table says beyond another is of how it was measured.
   * null = they differ by engine.
   */
  readonly longestLaunchSeconds: number | null;
  /**
   * How far tables that stand in for each other lie apart, in logarithms: two thirds of the nodes of two
   * surfaces in the package lie nearer, of another engine, another device, or a call that a substitute is
   * taken for.
   */
  readonly standIn: Readonly<Record<'engine' | 'device' | 'call', number>>;
  workOf(call: Call): CallWork;
  coordinatesOf(call: Call): CallCoordinates;
  /** What calls have in common that are left out of a fit together, to see how it does on unseen shapes. */
  shapeOf(call: Call): string;
  /**
   * @returns calls whose tables may stand in where there is none of this call's own, nearest first, and in
   *   what they differ: `of fp8`.
   */
  substitutesOf(call: Call): readonly Substitute<Call>[];
}

export interface Substitute<Call extends OperatorCall = OperatorCall> {
  readonly call: Call;
  readonly difference: string;
}
