import type { ResultRecord, SampleSeries } from '../core/result/result.js';
import { quantileOfSorted, sorted } from '../statistics/quantile.js';

/** What the page says about the raw samples it carries. */
export interface Details {
  /**
   * `all` times between tokens, or this many quantiles of them per row; 0 = none, they are asked for when
   * wanted.
   */
  readonly tokenSeconds: 'all' | number;
  /** `all` readings of the meters, or at most this many per series; 0 = none. */
  readonly samples: 'all' | number;
}

/** Numbers of each kind that one page carries at most: about two megabytes of text together. */
const BUDGET = 120_000;
/** Fewer quantiles than this show no distribution, fewer readings no course of time. */
const LEAST_QUANTILES = 21;
const LEAST_READINGS = 24;

/** Decides how much detail fits for all records together, so that every row is treated alike. */
export function trimDetails(records: readonly ResultRecord[]): {
  details: Details;
  trim(record: ResultRecord): Pick<ResultRecord, 'tokenSeconds' | 'samples' | 'phases'>;
} {
  const tokens = sum(records.map((r) => sum(r.tokenSeconds.map((repeat) => repeat.length))));
  const readings = sum(records.map((r) => sum(r.samples.map((s) => s.values.length))));
  const series = sum(records.map((r) => r.samples.length));
  const perRow = Math.max(LEAST_QUANTILES, Math.floor(BUDGET / Math.max(1, records.length)));
  const perSeries = Math.floor(BUDGET / Math.max(1, series));
  const details: Details = {
    tokenSeconds: tokens <= BUDGET ? 'all' : Math.min(perRow, 401),
    samples: readings <= BUDGET ? 'all' : perSeries < LEAST_READINGS ? 0 : perSeries,
  };
  return {
    details,
    trim: (record) => ({
      phases: record.phases,
      tokenSeconds: keptTokens(record, details),
      samples: keptSamples(record, details),
    }),
  };
}

/** Requests of a time line: fewer show nothing, more cannot be told apart on a screen. */
const LEAST_LINES = 40;
const MOST_LINES = 300;

/** @returns how many requests of each of so many trials a page carries. */
export function servedLines(trials: number): number {
  const numbersOfLine = 4;
  return Math.min(
    MOST_LINES,
    Math.max(LEAST_LINES, Math.floor(BUDGET / numbersOfLine / Math.max(1, trials))),
  );
}

/**
 * @returns the times between tokens with as much detail as there is room for: whole, or pooled into
 *   quantiles.
 */
export function keptTokens(
  record: ResultRecord,
  { tokenSeconds }: Pick<Details, 'tokenSeconds'>,
): number[][] {
  if (tokenSeconds === 'all') return record.tokenSeconds.map((repeat) => repeat.map(short));
  const pooled = sorted(record.tokenSeconds.flat());
  if (pooled.length === 0) return [];
  const quantile = (i: number) => quantileOfSorted(pooled, i / (tokenSeconds - 1));
  return [Array.from({ length: tokenSeconds }, (_, i) => short(quantile(i)))];
}

function keptSamples(record: ResultRecord, { samples }: Details): SampleSeries[] {
  if (samples === 0) return [];
  return record.samples.map((series) => {
    const every = samples === 'all' ? 1 : Math.ceil(series.values.length / samples);
    const pick = (values: readonly number[]) => values.filter((_, i) => i % every === 0).map(short);
    // A counter may start anywhere; only its growth means something, and rounding must not eat that.
    const zero = series.kind === 'counter' ? (series.values[0] ?? 0) : 0;
    return { ...series, seconds: pick(series.seconds), values: pick(series.values.map((v) => v - zero)) };
  });
}

/** Six significant digits are more than a screen can show. */
function short(value: number): number {
  return Number(value.toPrecision(6));
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
