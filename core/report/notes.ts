import { isUnasked } from '../judgement/unasked.js';
import { METRICS, metricNamed } from '../metrics/catalogue.js';
import { WARNINGS, type WarningCode } from '../warnings.js';
import type { ColumnChoice } from './column-sets.js';
import type { Row } from './rows.js';

/** The warnings of one code over all rows, for footnotes. */
export interface NoteGroup {
  readonly code: WarningCode;
  readonly severity: 'note' | 'invalid';
  readonly help: string;
  /** Numbers of the rows that carry it. */
  readonly rows: readonly number[];
  /** The first row's sentence, with its figures. */
  readonly example: string;
}

/** Metrics that no row has, and the reason most rows give. */
export interface Absence {
  /** `energy` where the records name the thing as a whole, else the metrics' own names. */
  readonly what: string;
  readonly metrics: readonly string[];
  readonly reason: string;
  /** Someone will miss it: it was asked for, would have been a column, or the records say that it is absent. */
  readonly missed: boolean;
}

/** @returns warnings grouped by code: those that make a row invalid first, then by how many rows have them. */
export function noteGroups(rows: readonly Row[]): NoteGroup[] {
  const groups = new Map<WarningCode, { rows: number[]; example: string }>();
  for (const row of rows) {
    for (const warning of row.warnings) {
      const group = groups.get(warning.code) ?? { rows: [], example: warning.message };
      if (group.rows.at(-1) !== row.number) group.rows.push(row.number);
      groups.set(warning.code, group);
    }
  }
  return [...groups]
    .map(([code, group]) => ({ code, ...WARNINGS[code], ...group }))
    .sort((a, b) =>
      a.severity === b.severity ? b.rows.length - a.rows.length : a.severity === 'invalid' ? -1 : 1,
    );
}

/** @returns the metrics without a single number among rows that were measured, grouped by their reason. */
export function absences(rows: readonly Row[], choice: ColumnChoice | null = null): Absence[] {
  const measured = rows.filter((row) => row.state !== 'failed');
  const byReason = new Map<string, string[]>();
  for (const { name } of METRICS) {
    const reasons = new Map<string, number>();
    let present = false;
    for (const row of measured) {
      const entry = row.trial.measurements[name];
      if (entry === undefined) continue;
      if (entry.value !== null) {
        present = true;
        break;
      }
      reasons.set(entry.reason, (reasons.get(entry.reason) ?? 0) + 1);
    }
    const [first] = [...reasons].sort((a, b) => b[1] - a[1]);
    if (present || first === undefined) continue;
    byReason.set(first[0], [...(byReason.get(first[0]) ?? []), name]);
  }
  const named = new Map(measured.flatMap((row) => Object.entries(row.trial.absent)).map(([k, v]) => [v, k]));
  return [...byReason].map(([reason, metrics]) => {
    // A metric may say more than why the thing as a whole is absent.
    const whole = named.get(reason) ?? [...named].find(([absent]) => reason.startsWith(absent))?.[1];
    const what = whole ?? metrics.join(', ');
    const wanted = (name: string) =>
      choice === null || choice.includes('default')
        ? metricNamed(name)?.column !== null
        : choice.includes(name);
    const chosen = choice !== null && metrics.some((name) => choice.includes(name));
    const missed = chosen || (!isUnasked(reason) && (whole !== undefined || metrics.some(wanted)));
    return { what, metrics, reason, missed };
  });
}
