import type { Phase, SampleSeries } from '../../../core/result/result.js';

/**
 * The same rules of arithmetic, done another way: a table of interpolated values, and sums over thin slices. Slow and
 * plain, so that it can be read.
 */
export function referenceJoules(samples: readonly SampleSeries[], phases: readonly Phase[]): number {
  const counters = samples.filter(({ kind }) => kind === 'counter');
  const used = counters.length > 0 ? counters : samples;
  let joules = 0;
  for (const series of used) {
    for (const { startSeconds, endSeconds } of phases) {
      joules +=
        series.kind === 'counter'
          ? valueAt(steps(series), endSeconds) - valueAt(steps(series), startSeconds)
          : slices(series, startSeconds, endSeconds);
    }
  }
  return joules;
}

type Point = readonly [seconds: number, value: number];

/** Of a staircase the moments at which a step was seen. */
function steps({ seconds, values }: SampleSeries): Point[] {
  const points: Point[] = [];
  for (let i = 0; i < seconds.length; i++) {
    if (i === 0 || i === seconds.length - 1 || values[i] !== values[i - 1])
      points.push([seconds[i]!, values[i]!]);
  }
  return points;
}

function valueAt(points: readonly Point[], t: number): number {
  const after = points.findIndex(([seconds]) => seconds >= t);
  const [t1, v1] = points[after]!;
  if (after === 0 || t1 === t) return v1;
  const [t0, v0] = points[after - 1]!;
  return (v0 * (t1 - t) + v1 * (t - t0)) / (t1 - t0);
}

const SLICES = 20_000;

function slices({ seconds, values }: SampleSeries, start: number, end: number): number {
  const points = seconds.map((t, i): Point => [t, values[i]!]).filter(([t]) => t > start - 5 && t < end + 5);
  const width = (end - start) / SLICES;
  let area = 0;
  for (let i = 0; i < SLICES; i++) area += valueAt(points, start + (i + 0.5) * width) * width;
  return area;
}
