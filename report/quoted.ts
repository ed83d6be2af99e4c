import { isPresent, type Measurement, type Missing, type ResultRecord } from '../core/result/result.js';
import { isPaced } from '../judgement/pace.js';
import type { Interval } from '../statistics/interval.js';
import { halfOf, intervalShare, intervalText, metricScale, type Scale, scaled } from './scale.js';

/** What a row says of a metric, wherever it is shown: tables, pages, exports, recommendations, Prometheus. */
export interface Quoted {
  /** At the readings that all rows of the run share, where neighbours' readings adjust it; else the estimate of all starts. */
  readonly value: number;
  /** 95 %; null where none is known. Of what readings adjust it is one of prediction: another run on this machine. */
  readonly interval: Interval | null;
  /** The lowest and the highest start, where the row's moments were unlike those of the others: its value is as measured then. */
  readonly range: Interval | null;
  /** Of a calm machine; null where nothing was read of neighbours. */
  readonly calm: { readonly value: number; readonly interval: Interval } | null;
  /** Geometric mean of the starts, and what that was multiplied by; null where nothing was read of neighbours. */
  readonly asMeasured: number | null;
  readonly adjustedBy: number | null;
}

/** Why a row is shown as measured, and has no star. */
export const UNLIKE = "its moments were unlike the others': run it again";

const CALM = 'Calm';

/** @returns the column of a calm machine's number: `decodeTokensPerSecondCalm`. */
export const calmName = (metric: string): string => `${metric}${CALM}`;

/** @returns the metric that such a column is of; null for the name of a metric. */
export function calmOf(name: string): string | null {
  const metric = name.endsWith(CALM) ? name.slice(0, -CALM.length) : '';
  return isPaced(metric) ? metric : null;
}

/** @returns null where there is no number. */
export function quotedEntry(entry: Measurement | Missing | undefined): Quoted | null {
  if (!isPresent(entry)) return null;
  const { value, ci95, range = null, calm, asMeasured = null, adjustedBy = null } = entry;
  return {
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

/**
 * @param isShort where room is short: `± 8 %`.
 * @returns what stands behind the value: `± 38`, `[1801, 1888]`, or of a row as measured `(15 to 2717)`; empty where nothing is known.
 */
export function spreadText({ value, interval, range }: Quoted, scale: Scale, isShort = false): string {
  if (range !== null) return `(${scaled(range[0], scale)} to ${scaled(range[1], scale)})`;
  if (interval === null) return '';
  return isShort ? intervalShare(value, interval) : intervalText(value, interval, scale);
}

/** @returns value, spread and unit, by the digits that suit it: `36.30 ± 0.64 t/s`. */
export function quotedText(metric: string, quoted: Quoted): string {
  const { value, interval } = quoted;
  const scale = metricScale(calmOf(metric) ?? metric, [value], interval === null ? [] : [halfOf(interval)]);
  return [scaled(value, scale), spreadText(quoted, scale), scale.unit]
    .filter((part) => part !== '')
    .join(' ');
}
