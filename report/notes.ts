import { getOrMake } from '../core/maps.js';
import { SEVERITIES, type Severity, WARNINGS, type WarningCode } from '../core/result/warnings.js';
import type { Row } from './rows.js';

/** The warnings of one code over all rows, for footnotes. */
export interface NoteGroup {
  readonly code: WarningCode;
  readonly severity: Severity;
  readonly help: string;
  /** Numbers of the rows that carry it. */
  readonly rows: readonly number[];
  /** Every row carries it: something about the machine or the sweep, and no mark of a row. */
  readonly everywhere: boolean;
  /** The first row's sentence, with its figures. */
  readonly example: string;
}

/** Metrics that no row has, and the reason most rows give. */
export interface Absence {
  /** `energy` where the records name the thing as a whole, else the metrics' own names. */
  readonly what: string;
  readonly metrics: readonly string[];
  readonly reason: string;
  /**
   * Someone will miss it: it was asked for, would have been a column, or the records say that it is absent.
   */
  readonly missed: boolean;
}

/**
 * @returns warnings grouped by code: faults first, then what disturbed rows, each by how many rows have them.
 */
export function noteGroups(rows: readonly Row[]): NoteGroup[] {
  const groups = new Map<WarningCode, { rows: number[]; example: string }>();
  for (const row of rows) {
    for (const warning of row.warnings) {
      const group = getOrMake(groups, warning.code, () => ({ rows: [], example: warning.message }));
      if (group.rows.at(-1) !== row.number) group.rows.push(row.number);
    }
  }
  return [...groups]
    .map(([code, group]) => {
      const { severity, help } = WARNINGS[code];
      const everywhere = severity === 'note' && rows.length > 1 && group.rows.length === rows.length;
      return { code, severity, help, everywhere, ...group };
    })
    .sort((a, b) =>
      a.severity === b.severity
        ? b.rows.length - a.rows.length
        : SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity),
    );
}
