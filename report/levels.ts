import { metricNamed } from '../core/metrics/catalogue.js';
import type { Commons } from '../judgement/estimates.js';
import { LEADS } from '../judgement/pace.js';
import { sharedSlopeVariance } from '../statistics/common-fit.js';
import { normalQuantile, studentQuantile } from '../statistics/distributions.js';
import type { Interval } from '../statistics/interval.js';
import { dot } from '../statistics/weighted-starts.js';
import { labelOf, type MetricColumn } from './columns.js';
import { calmName, quotedOf } from './quoted.js';
import { CALM_SHOWN, type Row } from './rows.js';
import { BEYOND, FURTHEST } from './scale.js';

/** What all rows of a run share of a metric. */
export interface SharedLevel {
  readonly metric: string;
  /** A calm machine's number over this run's, with its 95 % interval. */
  readonly calm: number;
  readonly interval: Interval;
  /** By what factor another run on this machine may lie off in all rows, 95 %. */
  readonly anotherRun: number;
}

/** @returns the levels of decode and prefill; none where nothing was read of neighbours. */
export function sharedLevels(commons: Commons, rows: readonly Row[]): SharedLevel[] {
  return Object.values(LEADS).flatMap((metric) => {
    if (!rows.some((row) => (quotedOf(row, metric)?.calm ?? null) !== null)) return [];
    const { typicalReadings, slopes, covariance, betweenRuns } = commons.commonOf(metric);
    const toll = dot(typicalReadings, slopes);
    const half = normalQuantile(0.975) * Math.sqrt(sharedSlopeVariance(typicalReadings, covariance));
    return [
      {
        metric,
        calm: Math.exp(toll),
        interval: [Math.exp(Math.max(0, toll - half)), Math.exp(toll + half)],
        anotherRun: Math.exp(studentQuantile(0.975, betweenRuns.df) * Math.sqrt(2 * betweenRuns.variance)),
      },
    ];
  });
}

const isShown = ({ calm }: SharedLevel) => calm > CALM_SHOWN;
const label = (metric: string) => labelOf(metricNamed(metric)!);
const percent = (share: number) => `${Math.round(100 * share)} %`;

/** @returns what neighbours took of the run, in a sentence; none where that is a tenth or less. */
export function levelLines(levels: readonly SharedLevel[]): string[] {
  const shown = levels.filter(isShown);
  if (shown.length === 0) return [];
  const taken = shown.map(({ metric, calm }) => `${percent(1 - 1 / calm)} of ${label(metric)}`);
  const factors = shown.map(({ calm, interval: [low, high] }) =>
    // Such readings say that neighbours had the machine, and not how fast it is.
    high > FURTHEST ? BEYOND : `× ${calm.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`,
  );
  return [`neighbours took about ${taken.join(' and ')}: ${factors.join(' and ')} on a calm machine`];
}

/** A run that may lie further off than this factor is said to, and not by how much. */
const FAR = 2;

/**
 * @returns how far off another run may be, in a clause: `decode ± 18 %, prefill by more than a factor of 2`.
 */
export const anotherRunText = (levels: readonly SharedLevel[]): string =>
  levels
    .map(({ metric, anotherRun }) =>
      anotherRun > FAR
        ? `${label(metric)} by more than a factor of ${FAR}`
        : `${label(metric)} ± ${percent(anotherRun - 1)}`,
    )
    .join(', ');

/**
 * @returns the columns with one of a calm machine behind each metric whose rows differ by more than a tenth
 *   from it.
 */
export function withCalm(
  columns: readonly MetricColumn[],
  levels: readonly SharedLevel[],
): readonly MetricColumn[] {
  const shown = new Set(levels.filter(isShown).map(({ metric }) => metric));
  if (shown.size === 0) return columns;
  return columns.flatMap((column) => {
    if (!shown.has(column.name)) return [column];
    const { name, help } = column;
    return [
      column,
      {
        ...column,
        name: calmName(name),
        label: `calm ${column.label}`,
        help: `${help} On a calm machine.`,
        objective: false,
      },
    ];
  });
}
