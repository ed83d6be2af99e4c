import { holds } from '../core/judgement/holds.js';
import { isPresent, type ResultRecord } from '../core/result/result.js';
import type { Objective } from '../core/sweep/spec.js';
import { type Row, reasonOf } from './rows.js';

/** Valid rows that can be on no front because they have no number for an objective. */
export interface Unplaced {
  readonly metric: string;
  /** As most of them say. */
  readonly reason: string;
  /** Their numbers. */
  readonly rows: readonly number[];
}

/** Where a row stands, with the number of the row that beats it. */
interface ParetoPosition {
  readonly onFront: boolean;
  readonly missing: string | null;
  readonly dominatedBy: number | null;
}

/** @returns why a row is not on the front, as a sentence; null when it is. */
export function offFront(
  trial: ResultRecord,
  mark: ParetoPosition,
  objectives: readonly Objective[],
): string | null {
  if (mark.onFront) return null;
  if (trial.status === 'failed') return 'it failed';
  if (!trial.valid && (mark.missing === null || !holds(trial, mark.missing))) return 'it is invalid';
  if (mark.missing !== null) {
    const entry = trial.measurements[mark.missing];
    const reason = entry === undefined || isPresent(entry) ? 'not measured' : entry.reason;
    return `it has no ${mark.missing}: ${reason}`;
  }
  const all = objectives.length === 1 ? 'better' : 'as good in every objective and better in one';
  return `row ${mark.dominatedBy} is ${all}`;
}

/** @returns the valid rows without a place, by the first objective that each lacks. */
export function unplaced(rows: readonly Row[], objectives: readonly Objective[]): Unplaced[] {
  const groups = new Map<string, { reasons: string[]; rows: number[] }>();
  for (const row of rows.filter(({ state }) => state === 'valid')) {
    const lacking = objectives.find(({ metric }) => reasonOf(row, metric) !== null);
    if (lacking === undefined) continue;
    const group = groups.get(lacking.metric) ?? { reasons: [], rows: [] };
    group.reasons.push(reasonOf(row, lacking.metric) ?? '');
    group.rows.push(row.number);
    groups.set(lacking.metric, group);
  }
  return [...groups].map(([metric, group]) => ({
    metric,
    reason: mostCommon(group.reasons),
    rows: group.rows,
  }));
}

function mostCommon(texts: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? '';
}
