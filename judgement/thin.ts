import type { ResultRecord, SampleSeries } from '../core/result/result.js';
import { warn } from '../core/result/warnings.js';

/** The largest size of a record's raw samples (readings of the meters and times of steps), as JSON. */
export const RAW_SAMPLE_BYTES = 8 * 1024 * 1024;

/** The number of readings of a series that are always kept, enough to draw its course. */
const LEAST_READINGS = 256;

/**
 * The most characters that a number takes as JSON, with its comma: a double has 17 digits, a sign, a point
 * and an exponent.
 */
const LONGEST_NUMBER = 25;

/**
 * Thins a record's raw samples to a budget, after everything was computed from all of them. Meter readings
 * are thinned first, down to a quarter of the budget, then the times of steps. Of each series every n-th
 * entry is kept, and the last one, so that its course stays visible. A note says how many there were.
 * @returns the record itself if it fits.
 */
export function thinned(record: ResultRecord, budget = RAW_SAMPLE_BYTES): ResultRecord {
  const { samples, tokenSeconds } = record;
  const readings = sum(samples.map(({ values }) => values.length));
  const steps = sum(tokenSeconds.map(({ length }) => length));
  if ((2 * readings + steps) * LONGEST_NUMBER <= budget) return record;
  const stepBytes = jsonLength(tokenSeconds);
  const sampleBytes = jsonLength(samples);
  if (stepBytes + sampleBytes <= budget) return record;
  const keptSamples = thinSeries(samples, Math.max(budget - stepBytes, budget / 4));
  const left = budget - jsonLength(keptSamples);
  const keptSteps =
    stepBytes <= left ? tokenSeconds : thinSteps(tokenSeconds, Math.ceil(stepBytes / left), left);
  const parts = [
    thinnedNote('readings of meters', readings, sum(keptSamples.map(({ values }) => values.length))),
    thinnedNote('times of steps', steps, sum(keptSteps.map(({ length }) => length))),
  ].filter((part) => part !== null);
  const message = `${parts.join(' and ')} are kept: all of them take ${mebibytes(stepBytes + sampleBytes)} MiB, a record holds ${mebibytes(budget)} MiB; every figure was computed from all`;
  return {
    ...record,
    samples: keptSamples,
    tokenSeconds: keptSteps,
    warnings: [...record.warnings, warn('raw-thinned', message)],
  };
}

/** True when a record holds only part of what its figures were computed from. */
export function isThinned(record: Pick<ResultRecord, 'warnings'>): boolean {
  return record.warnings.some(({ code }) => code === 'raw-thinned');
}

/** Halves the longest series until all fit, or none may become shorter. */
function thinSeries(samples: readonly SampleSeries[], budget: number): SampleSeries[] {
  const kept = [...samples];
  const lengths = kept.map(jsonLength);
  for (let bytes = sum(lengths); bytes > budget; bytes = sum(lengths)) {
    const longest = kept.reduce(
      (best, { values }, i) => (values.length > kept[best]!.values.length ? i : best),
      0,
    );
    const series = kept[longest];
    if (series === undefined || series.values.length <= LEAST_READINGS) break;
    kept[longest] = {
      ...series,
      seconds: everyNth(series.seconds, 2),
      values: everyNth(series.values, 2),
    };
    lengths[longest] = jsonLength(kept[longest]);
  }
  return kept;
}

/**
 * Every n-th step of each repeat, with n growing from `every` until they fit. The last steps of repeats are
 * always kept, even if there are many short repeats.
 */
function thinSteps(repeats: ResultRecord['tokenSeconds'], every: number, budget: number): number[][] {
  const longest = Math.max(...repeats.map(({ length }) => length));
  const kept = repeats.map((repeat) => everyNth(repeat, every));
  return jsonLength(kept) <= budget || every >= longest ? kept : thinSteps(repeats, every + 1, budget);
}

function everyNth(values: readonly number[], every: number): number[] {
  return values.filter((_, i) => i % every === 0 || i === values.length - 1);
}

function thinnedNote(what: string, all: number, kept: number): string | null {
  return kept === all ? null : `${kept} of ${all} ${what}`;
}

const jsonLength = (value: unknown) => JSON.stringify(value).length;
const mebibytes = (bytes: number) => (bytes / 1024 ** 2).toPrecision(3);
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
