import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Delay, GeneratorFacts } from '../core/serving/generator.js';
import { quantileOfSorted, sorted } from '../statistics/quantile.js';

/** How often the delay of the event loop is sampled. */
const RESOLUTION_MILLISECONDS = 5;

/**
 * Watches this process while it makes load.
 * @returns a function that ends this; it takes the delays of requests, in seconds.
 */
export function watchGenerator(now: () => number): (lags: readonly number[]) => GeneratorFacts {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MILLISECONDS });
  histogram.enable();
  const cpu = process.cpuUsage();
  const start = now();
  return (lags) => {
    histogram.disable();
    const seconds = now() - start;
    const { user, system } = process.cpuUsage(cpu);
    // The histogram holds whole times between two calls of its timer.
    const delay = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - RESOLUTION_MILLISECONDS / 1e3);
    const [p50, p99] = [delay(histogram.percentile(50)), delay(histogram.percentile(99))];
    const loopDelay = histogram.count === 0 ? null : { p50, p99, max: delay(histogram.max) };
    return { lag: delayOf(lags), loopDelay, cpuSeconds: (user + system) / 1e6, seconds };
  };
}

function delayOf(seconds: readonly number[]): Delay | null {
  if (seconds.length === 0) return null;
  const ordered = sorted(seconds);
  return { p50: quantileOfSorted(ordered, 0.5), p99: quantileOfSorted(ordered, 0.99), max: ordered.at(-1)! };
}
