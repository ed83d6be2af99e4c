import type { ChartLine, SweepChart } from '../roofline/analysis/chart.js';
import type { LoadCurve } from './load-curve.js';
import type { BatchingRun, LoadSample } from './run.js';
import type { LATENCY_PARTS, LatencyName } from './serving-answer.js';

/** @param latencies that share an axis. @returns them over the load, with their bands. */
export function latencyChart(
  { of, points }: LoadCurve,
  name: string,
  latencies: readonly (readonly [
    latency: LatencyName,
    part: (typeof LATENCY_PARTS)[number],
    title: string,
  ])[],
): SweepChart {
  return {
    kind: 'sweep',
    title: '',
    x: { name: of, values: points.map(({ load }) => load), numeric: true },
    y: { name, unit: 's' },
    lines: latencies.map(([latency, part, title]): ChartLine => {
      const figures = points.map(({ answer }) => answer.latencies[latency][part]);
      return {
        name: title,
        values: figures.map((figure) => figure?.value ?? null),
        band: {
          low: figures.map((figure) => figure?.low ?? null),
          high: figures.map((figure) => figure?.high ?? null),
        },
      };
    }),
  };
}

/** Samples that a chart can show. */
const MOST_PLACES = 240;

/** @returns requests that wait and run, over time. */
export function requestsChart(run: BatchingRun): SweepChart {
  const samples = thinned(run.series);
  return {
    ...overTime(samples, 'requests', 'requests'),
    lines: [
      { name: 'running', values: samples.map(({ running }) => running) },
      { name: 'in the queue', values: samples.map(({ waiting }) => waiting) },
    ],
  };
}

/** @returns the share of the cache that running requests hold, over time. */
export function cacheChart(run: BatchingRun, cacheTokens: number): SweepChart {
  const samples = thinned(run.series);
  return {
    ...overTime(samples, 'KV cache in use', 'share'),
    lines: [{ name: 'KV cache in use', values: samples.map((sample) => sample.cacheTokens / cacheTokens) }],
  };
}

function overTime(samples: readonly LoadSample[], name: string, unit: SweepChart['y']['unit']) {
  const values = samples.map(({ seconds }) => Number(seconds.toFixed(3)));
  return {
    kind: 'sweep',
    title: '',
    x: { name: 'seconds since the first request', values, numeric: true, linear: true },
    y: { name, unit },
  } as const;
}

/** @returns means of neighbours, as many as a chart can show. */
function thinned(series: readonly LoadSample[]): LoadSample[] {
  const each = Math.ceil(series.length / MOST_PLACES);
  return Array.from({ length: Math.ceil(series.length / each) }, (_, place) => {
    const group = series.slice(place * each, (place + 1) * each);
    const mean = (of: (sample: LoadSample) => number) =>
      group.reduce((sum, sample) => sum + of(sample), 0) / group.length;
    return {
      seconds: group[0]!.seconds,
      waiting: mean(({ waiting }) => waiting),
      running: mean(({ running }) => running),
      cacheTokens: mean(({ cacheTokens }) => cacheTokens),
    };
  });
}
