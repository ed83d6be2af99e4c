import { getOrMake } from '../core/maps.js';
import { metricNamed } from '../core/metrics/catalogue.js';
import type { ResultRecord } from '../core/result/result.js';
import type { Objective, SearchBound } from '../core/sweep/spec.js';
import { holds } from '../judgement/holds.js';
import { missBy } from '../judgement/pareto.js';
import { isAsMeasured, quotedOf, quotedValue, reasonOf, UNLIKE_ADVICE } from './quoted.js';
import type { Row } from './rows.js';

/**
 * Valid rows that can be on no front: they have no number for an objective or a bounded metric, or miss the
 * bound.
 */
export interface Unplaced {
  readonly metric: string;
  /** They have no number, one that the search's bound excludes, or one that is as measured only. */
  readonly why: 'lacking' | 'beyond' | 'unlike';
  /** As most of them say; the bound of those that miss it. */
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
  bounds: readonly SearchBound[],
): string | null {
  if (mark.onFront) return null;
  if (trial.status === 'failed') return 'it failed';
  if (!trial.valid && (mark.missing === null || !holds(trial, mark.missing))) return 'it is invalid';
  if (mark.missing !== null) {
    const quoted = quotedOf({ trial }, mark.missing);
    const bound = bounds.find(({ metric }) => metric === mark.missing);
    if (quoted !== null && isAsMeasured(quoted))
      return `its ${mark.missing} is as measured: ${UNLIKE_ADVICE}`;
    if (bound !== undefined && quoted !== null)
      return `it misses a bound of the search: ${bound.metric} ${boundText(bound)}`;
    return `it has no ${mark.missing}: ${reasonOf({ trial }, mark.missing) ?? 'not measured'}`;
  }
  const all = objectives.length === 1 ? 'better' : 'as good in every objective and better in one';
  return `row ${mark.dominatedBy} is ${all}`;
}

/**
 * @returns the valid rows without a place, by the first objective or bounded metric that each lacks, then by
 *   the first bound that each misses.
 */
export function unplaced(
  rows: readonly Row[],
  objectives: readonly Objective[],
  bounds: readonly SearchBound[],
): Unplaced[] {
  const groups = new Map<
    string,
    { metric: string; why: Unplaced['why']; reasons: string[]; rows: number[] }
  >();
  const enter = (metric: string, why: Unplaced['why'], reason: string, row: Row) => {
    const group = getOrMake(groups, `${metric} ${why}`, () => ({ metric, why, reasons: [], rows: [] }));
    group.reasons.push(reason);
    group.rows.push(row.number);
  };
  for (const row of rows.filter(({ state }) => state === 'valid')) {
    const asked = [...objectives, ...bounds];
    const unlike = asked.find(({ metric }) => {
      const quoted = quotedOf(row, metric);
      return quoted !== null && isAsMeasured(quoted);
    });
    const lacking = asked.find(({ metric }) => reasonOf(row, metric) !== null);
    const missed = bounds.find((bound) => (missBy(bound, quotedValue(row, bound.metric)) ?? 0) > 0);
    if (unlike !== undefined) enter(unlike.metric, 'unlike', UNLIKE_ADVICE, row);
    else if (lacking !== undefined)
      enter(lacking.metric, 'lacking', reasonOf(row, lacking.metric) ?? '', row);
    else if (missed !== undefined) enter(missed.metric, 'beyond', boundText(missed), row);
  }
  return [...groups.values()].map(({ reasons, ...group }) => ({ ...group, reason: mostCommon(reasons) }));
}

/** @returns `at least 10 tokens/s and at most 20 tokens/s` */
function boundText({ metric, atLeast, atMost }: SearchBound): string {
  const unit = metricNamed(metric)?.unit ?? 'ratio';
  const sideText = (side: string, value: number | null) =>
    value === null ? [] : [`${side} ${value}${unit === 'ratio' ? '' : ` ${unit}`}`];
  return [...sideText('at least', atLeast), ...sideText('at most', atMost)].join(' and ');
}

function mostCommon(texts: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? '';
}
