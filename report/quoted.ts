import { isPresent, type Measurement, type Missing, type ResultRecord } from '../core/result/result.js';
import { isPaced } from '../judgement/pace.js';
import type { Interval } from '../statistics/interval.js';
import { halfOf, intervalShare, intervalText, metricScale, type Scale, scaled } from './scale.js';

/** A row's number for a metric, wherever it is shown: tables, pages, exports, recommendations, Prometheus. */
export interface Quoted {
  readonly unit: string;
  /**
   * Adjusted to the conditions that all rows of the run share, if neighbours' readings adjust the metric;
   * else the estimate of all starts.
   */
  readonly value: number;
  /**
   * The 95 % interval; null where none is known. Of an adjusted metric it is an interval of prediction: for
   * another run on this machine.
   */
  readonly interval: Interval | null;
  /**
   * The lowest and the highest start, where the row was measured under conditions unlike those of the others:
   * its value is as measured then.
   */
  readonly range: Interval | null;
  /** The number of a calm machine; null where nothing was read of neighbours. */
  readonly calm: { readonly value: number; readonly interval: Interval } | null;
  /**
   * The geometric mean of the starts, and the factor that adjusted it; null where nothing was read of
   * neighbours.
   */
  readonly asMeasured: number | null;
  readonly adjustedBy: number | null;
}

/** Why a row is shown as measured, and has no star. */
export const UNLIKE = "its conditions were unlike the others'";

/** The same with what to do about it: the same command alone prints what it has kept. */
export const UNLIKE_ADVICE = `${UNLIKE}: measure it again (\`ridge run --fresh\`) or raise \`measure.starts\``;

const CALM = 'Calm';

/** @returns the column of a calm machine's number: `decodeTokensPerSecondCalm`. */
export const calmName = (metric: string): string => `${metric}${CALM}`;

/** @returns the metric that such a column is of; null for the name of a metric. */
export function calmOf(name: string): string | null {
  const metric = name.endsWith(CALM) ? name.slice(0, -CALM.length) : '';
  return isPaced(metric) ? metric : null;
}

/** @param entry of a row, or what its starts say together. @returns null where there is no number. */
export function quotedEntry(entry: Measurement | Missing | undefined): Quoted | null {
  if (!isPresent(entry)) return null;
  const { unit, value, ci95, range = null, calm, asMeasured = null, adjustedBy = null } = entry;
  return {
    unit,
    value,
    interval: ci95,
    range,
    calm: calm === undefined ? null : { value: calm.value, interval: calm.ci95 },
    asMeasured,
    adjustedBy,
  };
}

/** @param metric or the name of its column of a calm machine. @returns null where the row has no number. */
export function quotedOf({ trial }: { readonly trial: ResultRecord }, metric: string): Quoted | null {
  const of = calmOf(metric);
  const quoted = quotedEntry(trial.measurements[of ?? metric]);
  if (of === null || quoted === null) return quoted;
  const { calm } = quoted;
  return calm === null ? null : { ...quoted, ...calm, range: null };
}

/** @returns the number that a row says of a metric; null where it has none. */
export const quotedValue = (row: { readonly trial: ResultRecord }, metric: string): number | null =>
  quotedOf(row, metric)?.value ?? null;

/** @returns every metric that a row has a number for. */
export function quotedMetrics({ trial }: { readonly trial: ResultRecord }): (readonly [string, Quoted])[] {
  const found: (readonly [string, Quoted])[] = [];
  for (const name in trial.measurements) {
    const quoted = quotedEntry(trial.measurements[name]);
    if (quoted !== null) found.push([name, quoted]);
  }
  return found;
}

/**
 * @returns a number that may be compared with those of other rows; null where there is none, or one that is
 *   only as measured.
 */
export const comparableOf = (row: { readonly trial: ResultRecord }, metric: string): number | null =>
  comparableValue(quotedOf(row, metric));

/** @returns the same of what a row says of a metric. */
export const comparableValue = (quoted: Quoted | null): number | null =>
  quoted === null || isAsMeasured(quoted) ? null : quoted.value;

/**
 * @returns whether a number is shown as measured, because its row's conditions were unlike those of the
 *   others.
 */
export const isAsMeasured = ({ range }: Quoted): boolean => range !== null;

/** @returns why a row has no number for a metric; null when it has one. */
export function reasonOf({ trial }: { readonly trial: ResultRecord }, metric: string): string | null {
  const entry = trial.measurements[metric];
  if (entry === undefined) return 'not measured';
  return isPresent(entry) ? null : entry.reason;
}

/** The numbers of the starts behind a row's number. None of them is quoted by itself. */
export type StartsSpread = Pick<Measurement, 'unit' | 'n' | 'mean' | 'stddev' | 'cv' | 'samples' | 'source'>;

/** @returns null where the row has no number. */
export function spreadOf({ trial }: { readonly trial: ResultRecord }, metric: string): StartsSpread | null {
  const entry = trial.measurements[metric];
  return isPresent(entry) ? entry : null;
}

/** The sign behind a number that is as measured only. */
export const AS_MEASURED_SIGN = '?';

/** Room for what stands behind a value: in its unit, as a share of it, or for the sign alone. */
export type SpreadRoom = 'unit' | 'share' | 'none';

/** @returns the sign of a number; empty for most. */
export const signOf = (quoted: Quoted): typeof AS_MEASURED_SIGN | '' =>
  isAsMeasured(quoted) ? AS_MEASURED_SIGN : '';

/**
 * @returns how far a number may lie off: `± 38`, `[1801, 1888]`, short `± 8 %`, or of one as measured
 *   `(15 to 2717)`; empty where nothing is known.
 */
export function extentText(
  { value, interval, range }: Quoted,
  scale: Scale,
  room: SpreadRoom = 'unit',
): string {
  if (room === 'none') return '';
  if (range !== null)
    return range[0] === range[1] ? '' : `(${scaled(range[0], scale)} to ${scaled(range[1], scale)})`;
  if (interval === null) return '';
  return room === 'share' ? intervalShare(value, interval) : intervalText(value, interval, scale);
}

/** @returns what stands behind the value, sign and extent: `± 38`, `? (15 to 2717)`. */
export const spreadText = (quoted: Quoted, scale: Scale, room: SpreadRoom = 'unit'): string =>
  `${signOf(quoted)} ${extentText(quoted, scale, room)}`.trim();

/** @returns value, spread and unit, by the digits that suit it: `36.30 ± 0.64 t/s`. */
export function quotedText(metric: string, quoted: Quoted): string {
  const { value, interval } = quoted;
  const scale = metricScale(calmOf(metric) ?? metric, [value], interval === null ? [] : [halfOf(interval)]);
  return [scaled(value, scale), spreadText(quoted, scale), scale.unit]
    .filter((part) => part !== '')
    .join(' ');
}
